package claims

import (
	"fmt"
	"math"
	"strings"

	"gpusim"
	"gpusim/energy"
)

var (
	largeCPU = call{"skylake-8180", "gemm:4096x4096x4096:fp32", nil}
	oldGPU   = call{"kepler", "gemm:4096x4096x4096:fp32", nil}
	newGPU   = call{"titan-rtx", "gemm:4096x4096x4096:fp16", nil}
)

func comparisonClaims() []Entry {
	const topic = "GPU against CPU"
	better := func(c, cpu call, what, base string) Entry {
		return Entry{
			topic, "A GPU is orders of magnitude more efficient than a CPU on parallel work (" + what + ")", commands(c, cpu),
			"energy_uj of " + base + " over the GPU's", "x", "100 or more",
			func(l *Lab) (answer, error) {
				g, p, err := l.both(c, cpu)
				if err != nil {
					return answer{}, err
				}
				v := p.Energy.TotalUJ / g.Energy.TotalUJ
				verdict := func(v float64) Verdict { return atLeast(v, 100, 10) }
				ratio := func(l []energy.Ledger) float64 { return l[1].TotalUJ / l[0].TotalUJ }
				return answer{v, verdict(v), fmt.Sprintf("%.0f times faster; scopes: %s and %s; %s", p.TimeUS/g.TimeUS, g.Energy.Scope, p.Energy.Scope,
					sensitivity([]*gpusim.Result{&g, &p}, ratio, verdict))}, nil
			},
		}
	}
	return []Entry{
		better(largeHalf, largeCPU, "V100 in fp16 on Tensor Cores, AVX-512", "skylake-8180 in fp32 with AVX-512"),
		better(largeSingle, largeCPU, "V100 in fp32, AVX-512", "skylake-8180 with AVX-512"),
		better(call{"volta", "gemm:1024x1024x1024:fp16", nil}, scalarCode, "V100 in fp16 on Tensor Cores, scalar code", "scalar code on haswell-2699v3"),
		{
			topic, "Serial work, or one quick answer, favours the CPU", "gpusim compare skylake-8180 volta " + crossoverList(),
			"largest square product that the CPU finishes first", "rows", "there is one",
			crossover,
		},
		{
			topic, "A serial chain of loads favours the CPU", "gpusim config show skylake-8180; gpusim microbench volta --only 'memory latency'",
			"latency of DRAM on the GPU over the CPU's", "x", "above 1",
			func(l *Lab) (answer, error) {
				m, err := l.machine(largeCPU)
				if err != nil {
					return answer{}, err
				}
				g, err := l.machine(largeHalf)
				if err != nil {
					return answer{}, err
				}
				rep, err := l.probes("volta", "memory latency")
				if err != nil {
					return answer{}, err
				}
				ns := rep.Get("latency.dram") / float64(g.GPU.Clock.Sustained) * 1e9
				cpu := float64(m.CPU.Memory.Latency) / 1e3
				if math.IsNaN(ns) {
					return answer{}, fmt.Errorf("the probe finds no plateau for DRAM")
				}
				return answer{ns / cpu, atLeast(ns/cpu, 1.2, 1), fmt.Sprintf("%.0f and %.0f ns; hits in L1 %.0f and %.1f ns", ns, cpu,
					rep.Get("latency.l1")/float64(g.GPU.Clock.Sustained)*1e9, float64(m.CPU.Caches[0].Latency)/float64(m.CPU.Clock.Scalar)*1e9)}, nil
			},
		},
		{
			topic, "Kepler to Turing gained large multiples with little help from process", commands(oldGPU, newGPU) + "; gpusim area kepler; gpusim area titan-rtx",
			"tops of TITAN RTX in fp16 over K40's in fp32, over what density and clock gained", "x", "above 1: more than process gave",
			func(l *Lab) (answer, error) {
				o, n, err := l.both(oldGPU, newGPU)
				if err != nil {
					return answer{}, err
				}
				a, err := l.machine(oldGPU)
				if err != nil {
					return answer{}, err
				}
				b, err := l.machine(newGPU)
				if err != nil {
					return answer{}, err
				}
				gain := tops(&n) / tops(&o)
				perWatt := gain * (o.Energy.TotalUJ / o.TimeUS) / (n.Energy.TotalUJ / n.TimeUS)
				density := b.Area.Node.Logic.Value / a.Area.Node.Logic.Value
				clock := n.ClockMHz / o.ClockMHz
				if math.IsNaN(clock) || density <= 0 {
					return answer{}, fmt.Errorf("no clock or no density of logic")
				}
				v := gain / density / clock
				return answer{v, atLeast(v, 2, 1), fmt.Sprintf("%.1f times the rate and %.1f times the rate per watt, with %.2f times the transistors per area, %.2f times the clock and %.2f times the die",
					gain, perWatt, density, clock, b.DieMM2/a.DieMM2)}, nil
			},
		},
	}
}

// sizes of square products for the crossover.
var sizes = []int{16, 32, 64, 96, 128, 192, 256, 384, 512, 768}

func crossoverList() string {
	var b strings.Builder
	for i, n := range sizes {
		if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "-w gemm:%dx%dx%d:fp32", n, n, n)
	}
	return b.String()
}

func crossover(l *Lab) (answer, error) {
	last := 0
	var first [2]gpusim.Result
	for i, n := range sizes {
		w := fmt.Sprintf("gemm:%dx%dx%d:fp32", n, n, n)
		p, g, err := l.both(call{"skylake-8180", w, nil}, call{"volta", w, nil})
		if err != nil {
			return answer{}, err
		}
		if i == 0 {
			first = [2]gpusim.Result{p, g}
		}
		if p.TimeUS >= g.TimeUS {
			break
		}
		last = n
	}
	note := fmt.Sprintf("%d x %d: %.2f us on the CPU, %.2f on the GPU; time on the device, without the host's call and copies, which would favour the CPU more",
		sizes[0], sizes[0], first[0].TimeUS, first[1].TimeUS)
	if last == 0 {
		return answer{0, Disagrees, note}, nil
	}
	return answer{float64(last), Agrees, note}, nil
}
