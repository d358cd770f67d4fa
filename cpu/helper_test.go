package cpu

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"gpusim/configs"
)

// table reads an energy file by itself, so that the tests of this package do
// not depend on how machine files are put together.
func table(t testing.TB, name string) configs.Energy {
	t.Helper()
	text, err := os.ReadFile("../configs/energy/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var raw struct {
		PowerScope string                         `yaml:"power_scope"`
		Events     map[string]configs.EnergyEvent `yaml:"events"`
		Static     map[string]struct {
			Power  string `yaml:"power"`
			Column string `yaml:"column"`
		} `yaml:"static"`
	}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	e := configs.Energy{PowerScope: raw.PowerScope, Events: raw.Events, Static: map[string]configs.StaticPower{}}
	for k, s := range raw.Static {
		v, err := strconv.ParseFloat(strings.TrimSuffix(s.Power, " W"), 64)
		if err != nil {
			t.Fatalf("%s: %v", k, err)
		}
		e.Static[k] = configs.StaticPower{Power: configs.Power(v), Column: s.Column}
	}
	return e
}

// skylake is a Xeon Platinum 8180 socket.
func skylake(t testing.TB) *configs.Machine {
	return &configs.Machine{Name: "skylake-8180", Kind: "cpu", TDP: 205, Energy: table(t, "skylake-sp"), CPU: &configs.CPU{
		Sockets: 1, Cores: 28, ThreadsPerCore: 2,
		Clock: configs.CPUClock{Base: 2500e6, Scalar: 3200e6, Vector: 2300e6},
		Issue: configs.CPUIssue{Width: 4, Window: 224, VectorBits: 512, VectorUnits: 2, FMALatency: 4,
			LoadsPerCycle: 2, StoresPerCycle: 1, VectorRegs: 32},
		Caches: []configs.Cache{
			{Name: "L1", Size: 32 << 10, Ways: 8, LineBytes: 64, Latency: 4, BytesPerClk: 128},
			{Name: "L2", Size: 1 << 20, Ways: 16, LineBytes: 64, Latency: 14, BytesPerClk: 48},
			{Name: "L3", Size: 38.5 * (1 << 20), Shared: true, Ways: 11, LineBytes: 64, Latency: 74, BytesPerClk: 12},
		},
		Memory: configs.CPUMemory{Bandwidth: 128e9, Efficiency: 0.82, Latency: 83000},
	}}
}

// haswell is a Xeon E5-2699 v3 socket.
func haswell(t testing.TB) *configs.Machine {
	return &configs.Machine{Name: "haswell", Kind: "cpu", TDP: 145, Energy: table(t, "haswell-ep"), CPU: &configs.CPU{
		Sockets: 1, Cores: 18, ThreadsPerCore: 2,
		Clock: configs.CPUClock{Base: 2300e6, Scalar: 2800e6, Vector: 2300e6},
		Issue: configs.CPUIssue{Width: 4, Window: 192, VectorBits: 256, VectorUnits: 2, FMALatency: 5,
			LoadsPerCycle: 2, StoresPerCycle: 1, VectorRegs: 16},
		Caches: []configs.Cache{
			{Name: "L1", Size: 32 << 10, Ways: 8, LineBytes: 64, Latency: 4, BytesPerClk: 64},
			{Name: "L2", Size: 256 << 10, Ways: 8, LineBytes: 64, Latency: 12, BytesPerClk: 32},
			{Name: "L3", Size: 45 << 20, Shared: true, Ways: 20, LineBytes: 64, Latency: 54, BytesPerClk: 14},
		},
		Memory: configs.CPUMemory{Bandwidth: 68.3e9, Efficiency: 0.8, Latency: 85000},
	}}
}

func mustRun(t testing.TB, m *configs.Machine, w Problem) Result {
	t.Helper()
	r, err := Run(m, w)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
