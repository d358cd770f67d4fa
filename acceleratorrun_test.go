package gpusim_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

func runOn(t *testing.T, machine, work string, f gpusim.Fidelity, sets ...string) (gpusim.Result, error) {
	t.Helper()
	m, err := configs.Load(machine, sets)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse(work)
	if err != nil {
		t.Fatal(err)
	}
	return gpusim.Run(context.Background(), m, w, gpusim.Options{Fidelity: f})
}

// What a fixed machine lacks is the user's mistake, and the error names it.
func TestAcceleratorsNameWhatTheyLack(t *testing.T) {
	for _, c := range []struct{ machine, work, want string }{
		{"nvdla-small", "gemm:64x64x64:fp32", "does not multiply fp32 (allowed: int8)"},
		{"nvdla-small", "conv:n=1,c=8,h=8,w=8,k=8,r=3,s=3,dtype=int8,pass=bwd_data", "runs no training passes"},
		{"nvdla-small", "conv:n=1,c=8,h=8,w=8,k=8,r=3,s=3,dtype=int8,algo=winograd", "no winograd mode"},
		{"nvdla-full", "gemm:64x64x64:bf16", "does not multiply bf16 (allowed: int8, int16, fp16)"},
		{"tpu1", "gemm:64x64x64:fp16", "does not multiply fp16 (allowed: int8, int16)"},
		{"tpu1", "conv:n=1,c=8,h=8,w=8,k=8,r=3,s=3,dtype=int8,pass=bwd_weight", "runs no training passes"},
		{"eyeriss", "conv:n=1,c=8,h=40,w=40,k=8,r=13,s=3,dtype=int16", "do not fit"},
		{"eyeriss", "conv:n=1,c=8,h=40,w=40,k=8,r=3,s=3,dtype=int16,dilation=2", "no dilation"},
		{"eyeriss", "conv:n=1,c=8,h=40,w=40,k=8,r=3,s=3,dtype=int16,algo=rs_m1_n1_e99_p1_q1_r1_t1", "does not fit"},
	} {
		_, err := runOn(t, c.machine, c.work, gpusim.Sampled)
		if !gpusim.IsInput(err) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.machine) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s on %s: %v, want %q", c.work, c.machine, err, c.want)
		}
	}
}

// Every machine runs what it says it can: the parts of the energy are its total,
// the time is not below what peak and memory allow, and the answer stays the same.
func TestAcceleratorsRun(t *testing.T) {
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil || m.GPU != nil || m.CPU != nil {
			continue
		}
		for _, work := range m.Workloads {
			for _, f := range []gpusim.Fidelity{gpusim.Sampled, gpusim.Detailed, gpusim.Analytic} {
				start := time.Now()
				r, err := runOn(t, name, work, f)
				if err != nil {
					t.Errorf("%s: %s: %v", name, work, err)
					continue
				}
				if wall := time.Since(start); wall > 5*time.Second {
					t.Errorf("%s: %s took %v", name, work, wall)
				}
				again, _ := runOn(t, name, work, f)
				if again.TimeUS != r.TimeUS || again.Energy.TotalUJ != r.Energy.TotalUJ {
					t.Errorf("%s: %s: %v us, then %v us", name, work, r.TimeUS, again.TimeUS)
				}
				sum := 0.0
				for _, row := range r.Energy.Rows {
					sum += row.EnergyUJ
				}
				if math.Abs(sum-r.Energy.TotalUJ) > 1e-9*sum || r.Energy.PayloadPct() <= 0 || r.Energy.PayloadPct() >= 100 {
					t.Errorf("%s: %s: energy %v, parts %v, payload %v %%", name, work, r.Energy.TotalUJ, sum, r.Energy.PayloadPct())
				}
				most := r.PeakTOPS
				if k := r.Layers[0].Kernel; k == "conv_winograd" || k == "sheet" {
					most *= 2.25
				}
				if rate := r.Ops / r.TimeUS / 1e6; rate > most {
					t.Errorf("%s: %s: %.3f TOPS of %.3f", name, work, rate, most)
				}
			}
		}
	}
}

// A larger batch never makes an image dearer on machines that share weights.
func TestBatchSharesWeights(t *testing.T) {
	for _, machine := range []string{"tpu1", "nvdla-large"} {
		one, err := runOn(t, machine, "gemm:m=1024,n=1,k=1024,dtype=int8", gpusim.Sampled)
		if err != nil {
			t.Fatal(err)
		}
		many, err := runOn(t, machine, "gemm:m=1024,n=16,k=1024,dtype=int8", gpusim.Sampled)
		if err != nil {
			t.Fatal(err)
		}
		if many.TimeUS > 2*one.TimeUS || many.Energy.TotalUJ > 4*one.Energy.TotalUJ {
			t.Errorf("%s: 16 vectors take %.1f us and %.1f uJ, one %.1f us and %.1f uJ", machine, many.TimeUS, many.Energy.TotalUJ, one.TimeUS, one.Energy.TotalUJ)
		}
	}
}

// No machine around an array moves its bytes faster than its memory gives them, in any
// fidelity.
func TestArraysWaitForMemory(t *testing.T) {
	for machine, work := range map[string]string{
		"scalesim": "gemm:512x512x512:int8", "gemmini": "gemm:16x2048x2048:int8", "tpu1": "gemm:512x512x512:int8", "tpu2": "gemm:512x512x512:bf16", "eyeriss": "gemm:m=1000,n=1,k=2048,dtype=int16",
	} {
		m, err := configs.Load(machine, []string{"systolic.memory_bandwidth=1 GB/s"})
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse(work)
		if err != nil {
			t.Fatal(err)
		}
		ports := 1.0
		if m.Systolic.SRAM != nil {
			ports = 3 // each SRAM has its own
		}
		for _, f := range []gpusim.Fidelity{gpusim.Sampled, gpusim.Analytic} {
			r, err := gpusim.Run(context.Background(), m, w, gpusim.Options{Fidelity: f})
			if err != nil {
				t.Fatal(err)
			}
			if least := r.DRAMBytes / (ports * 1000); r.TimeUS < least*0.99 || r.Bound != "dram" {
				t.Errorf("%s, %s, %s: %.0f us bound by %s, memory takes %.0f", machine, work, f, r.TimeUS, r.Bound, least)
			}
		}
	}
}
