package configs

import (
	"errors"
	"strings"
	"testing"
)

func TestSystemsLoadAndReadBack(t *testing.T) {
	names := SystemNames()
	if len(names) < 8 {
		t.Fatalf("only %v", names)
	}
	for _, name := range names {
		m, err := Load(name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Name != name || m.Kind != KindSystem || m.System == nil {
			t.Errorf("%s: loaded as %s, kind %s", name, m.Name, m.Kind)
		}
		text, err := Dump(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := loadFiles(map[string]string{"m.yaml": string(text)}, "m.yaml")
		if err != nil {
			t.Errorf("%s does not read back: %v", name, err)
		} else if back.Hash() != m.Hash() {
			t.Errorf("%s: another hash after writing it out", name)
		}
		set, err := Load(name, []string{"system.library.channels=3"})
		if err != nil || set.System.Library.Channels != 3 || set.Hash() == m.Hash() {
			t.Errorf("%s: --set: %v", name, err)
		}
	}
}

// Every mistake is told with file, line and key.
func TestSystemMistakes(t *testing.T) {
	const head = "name: x\nkind: system\ndescription: x\nworkloads: [\"p2p:bytes=1\"]\nsystem:\n  nodes: 1\n"
	const tail = "  library: {tuning: volta, channels: 1, cta_rate: 10 GB/s, buffer: 1 MiB, launch: 1 us, jitter: 1 us}\n" +
		"  copies: {write: 1 us, read: 1 us, staged: 1 us, chunk: 1 MiB, gap: 1 us}\n"
	const gpus = "  parts:\n    - {name: GPU, kind: gpu, count: 4, ports: {nvlink2: 2}}\n"
	for _, c := range []struct{ body, want string }{
		{gpus + "  links:\n    - {type: nvlink2, a: GPU0, b: GPU1}\n    - {type: nvlink2, a: GPU2, b: GPU3}\n",
			"m.yaml:8:7: system.parts.0: the topology is disconnected: no link leads from GPU2 to GPU0"},
		{gpus + "  links:\n    - {type: nvlink2, a: \"GPU0:1\", b: GPU1}\n    - {type: nvlink2, a: \"GPU0:1\", b: GPU2}\n",
			"m.yaml:11:26: system.links.1.a: port 1 of GPU0 is used already by GPU0:1 - GPU1"},
		{gpus + "  links:\n    - {type: nvlink2, a: GPU0, b: \"GPU[1-3]\"}\n",
			"m.yaml:10:26: system.links.0.a: GPU0 has 2 ports for nvlink2, but this is link 3"},
		{gpus + "  links:\n    - {type: nvlnk2, a: GPU0, b: GPU1}\n",
			"m.yaml:10:14: system.links.0.type: no type of links \"nvlnk2\" (did you mean \"nvlink2\"?"},
		{gpus + "  links:\n    - {type: nvlink2, a: GPU0, b: GPU7}\n", "system.links.0.b: GPU7: there are GPU0 to GPU3"},
		{gpus + "  links:\n    - {type: nvlink2, a: GPU0, b: GPX1}\n", `system.links.0.b: no part "GPX" (did you mean "GPU"?`},
		{gpus + "  links:\n    - {type: nvlink2, a: GPU0, b: GPU0}\n", "GPU0 is joined with itself"},
		{gpus + "  links:\n    - {type: pcie3, a: GPU0, b: GPU1}\n", "GPU0 has no port for pcie3"},
		{gpus + "  links:\n    - {type: nvlink2, a: \"GPU0:5\", b: GPU1}\n", "GPU0 has ports 0 to 1 for nvlink2"},
		{gpus + "  links:\n    - {type: nvlink2, a: GPU, b: GPU1}\n", "there are 4 of GPU: write GPU0 or GPU[0-3]"},
		{"  parts:\n    - {name: GPU, kind: gpu, machine: vlota, ports: {nvlink2: 2}}\n  links: []\n", `no embedded machine "vlota"`},
		{"  parts:\n    - {name: NVS, kind: switch, ports: {nvlink2: 2}}\n  links: []\n", "there is no GPU"},
		{"  parts:\n    - {name: GPU, kind: gpuu, ports: {nvlink2: 2}}\n  links: []\n", `unknown value "gpuu" (did you mean "gpu"?`},
	} {
		_, err := loadFiles(map[string]string{"m.yaml": head + c.body + tail}, "m.yaml")
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Line == 0 {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	two := strings.Replace(head, "nodes: 1", "nodes: 2", 1) + gpus + "  links:\n    - {type: nvlink2, a: GPU0, b: \"GPU[1-2]\"}\n    - {type: nvlink2, a: GPU3, b: GPU2}\n" + tail
	if _, err := loadFiles(map[string]string{"m.yaml": two}, "m.yaml"); err == nil || !strings.Contains(err.Error(), "m.yaml:6:10: system.nodes: 2 nodes, but no part is shared") {
		t.Errorf("two nodes without a network: %v", err)
	}
}

func TestSchemaOfSystems(t *testing.T) {
	s := compileSchema(t, systemDef)
	for _, name := range SystemNames() {
		root := embeddedTree(t, source{name: name, embedded: true, dir: systemDir})
		if err := verdict(s, root); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if root.get("inherits") == nil {
			for _, key := range [][]string{{"system"}, {"system", "parts"}, {"system", "library", "launch"}} {
				if verdict(s, root.replaced(key, nil)) == nil {
					t.Errorf("%s without %v is accepted", name, key)
				}
			}
		}
		if verdict(s, root.replaced([]string{"system", "nodes"}, yamlNode(t, "many"))) == nil {
			t.Errorf("%s with many nodes is accepted", name)
		}
	}
}

func TestForSystem(t *testing.T) {
	for _, c := range []struct{ device, system, want string }{
		{"Tesla V100-SXM3-32GB", "DGX-2 (16x V100, NVSwitch1)", "dgx2"},
		{"NVIDIA A100-SXM4-80GB", "4x A100, NVLink3 fully connected", "a100x4"},
		{"Tesla M40", "PCIe host(s), 1 node(s), NCCL 2.0 MPI", "pcie-host"},
		{"Tesla M40", "something else", ""},
	} {
		if got, _ := ForSystem(c.device, c.system); got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.device, c.system, got, c.want)
		}
	}
}
