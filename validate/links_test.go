package validate

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

func bySystem(device string) (*configs.Machine, error) {
	for _, n := range configs.SystemNames() {
		if n == device {
			return configs.Load(n, nil)
		}
	}
	return nil, nil
}

// The published rows of NVLink systems and PCIe hosts, simulated: the targets
// of the project hold.
func TestLinksAgainstPublished(t *testing.T) {
	tab := &Tables{}
	if err := tab.LoadPublished(func(d string) bool {
		m, _ := bySystem(d)
		return m != nil
	}, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	rep, err := tab.Run(context.Background(), Options{Run: gpusim.Run, Machine: bySystem})
	if err != nil || len(rep.Skipped) > 0 {
		t.Fatalf("%v, skipped %v", err, rep.Skipped)
	}
	sum := map[string][2]float64{}
	add := func(key string, e float64) { sum[key] = [2]float64{sum[key][0] + max(e, -e), sum[key][1] + 1} }
	for _, r := range rep.Rows {
		switch {
		case strings.HasSuffix(r.Class, "/bandwidth"):
			if max(r.ErrorPct, -r.ErrorPct) > 3.5 {
				t.Errorf("%s: %+.1f %%", r.Workload, r.ErrorPct)
			}
		case strings.HasSuffix(r.Class, "/latency"):
			if max(r.ErrorPct, -r.ErrorPct) > 15 {
				t.Errorf("%s: %+.1f %%", r.Workload, r.ErrorPct)
			}
		case strings.Contains(r.Class, "PCIe host(s), 1 node"):
			add("pcie", r.ErrorPct)
		case !strings.Contains(r.Class, "PCIe host(s)"):
			add("nvlink", r.ErrorPct)
			if r.Measured > 500 { // above 16 MB
				add("nvlink, large", r.ErrorPct)
			}
		}
	}
	for key, most := range map[string]float64{"nvlink": 12, "nvlink, large": 8, "pcie": 25} {
		s := sum[key]
		t.Logf("%s: %.1f %% over %.0f rows", key, s[0]/s[1], s[1])
		if s[1] < 6 || s[0]/s[1] > most {
			t.Errorf("%s: %.1f %% over %.0f rows, at most %g %%", key, s[0]/s[1], s[1], most)
		}
	}
}

func TestLinkTables(t *testing.T) {
	const reduce = "device,system,gpus,bytes,time_us,source\n"
	const copies = "device,system,metric,path,value,unit,source\n"
	for _, c := range []struct{ text, want string }{
		{reduce + `NVIDIA A100-SXM4-80GB,"4x A100, NVLink3",4,65536,20,x`, "a100x4 allreduce:bytes=64KiB,gpus=4 4x A100, NVLink3"},
		{reduce + `Tesla M40,"PCIe host(s), 1 node(s), NCCL 2.0 Single",8,400000,20,x`, "pcie-host allreduce:bytes=400000,gpus=8,direct=true PCIe host(s), 1 node(s), NCCL 2.0 Single"},
		{reduce + `Tesla M40,"PCIe host(s), 2 node(s), NCCL 2.0 MPI",8,400000,20,x`, "skip 8 GPUs on 2 nodes: pcie-host has 8 a node, ranks fill one node after the other"},
		{reduce + `Nobody,x,8,400000,20,x`, "Nobody, x allreduce:bytes=400000,gpus=8 x"},
		{reduce + `Tesla M40,x,1,400000,20,x`, "skip one GPU has nobody to reduce with"},
		{reduce + `Tesla M40,x,none,400000,20,x`, `error t.csv:2: gpus: "none" is not a number of GPUs`},
		{reduce + `Tesla M40,x,2,400000,-1,x`, `error t.csv:2: time_us: "-1" is not a number above 0`},
		{copies + `Tesla V100-SXM3-32GB,DGX-2,unidirectional write bandwidth,GPU3-GPU12,145,GB/s,x`, "dgx2 p2p:bytes=1GiB,src=3,dst=12 DGX-2/bandwidth"},
		{copies + `Tesla V100-SXM3-32GB,DGX-2,"read latency",via NVSwitch,9,us,x`, "dgx2 p2p:bytes=16,src=0,dst=1,dir=read DGX-2/latency"},
		{copies + `Tesla V100-SXM3-32GB,DGX-2,"bidirectional bandwidth, P2P disabled",x,9,GB/s,x`, "dgx2 p2p:bytes=1GiB,src=0,dst=1,via=host,both=true DGX-2/bandwidth"},
		{copies + `Tesla P100-SXM2-16GB,Dell C4130,unidirectional bandwidth,2 links,36,GB/s,x`, "p100x4 p2p:bytes=1GiB,src=0,dst=1 Dell C4130/bandwidth"},
		{copies + `Tesla P100-SXM2-16GB,Dell C4130,unidirectional bandwidth,5 links,36,GB/s,x`, "skip p100x4 has no two GPUs with 5 links between them"},
		{copies + `Tesla V100-SXM3-32GB,DGX-2,local copy latency,x,3,us,x`, "skip copies inside a GPU are not simulated"},
		{copies + `Tesla V100-SXM3-32GB,DGX-2,fan speed,x,3,rpm,x`, `skip metric "fan speed" in "rpm" is not known (bandwidth in GB/s, latency in us)`},
	} {
		tab := &Tables{}
		w, err := workloads.ReadTable("t.csv", []byte(c.text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		err = tab.add(w)
		got := ""
		var own *workloads.Error
		switch {
		case errors.As(err, &own):
			got = "error " + err.Error()
		case err != nil:
			t.Fatal(err)
		case len(tab.skipped) == 1:
			got = "skip " + tab.skipped[0].Reason
		case len(tab.rows) == 1:
			r := &tab.rows[0]
			got = r.device + " " + r.work.Short() + " " + r.class
		}
		if got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}
