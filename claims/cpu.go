package claims

import (
	"fmt"
	"math"

	"gpusim"
	"gpusim/energy"
)

// Calls that several claims share.
var (
	scalarCode = call{"haswell-2699v3", "gemm:1024x1024x1024:fp32", []string{"cpu.issue.vector_bits=32"}}
	vectorCode = call{"haswell-2699v3", "gemm:1024x1024x1024:fp32", nil}
)

func cpuClaims() []Entry {
	const topic = "Processors"
	return []Entry{
		{
			topic, "A CPU spends about 1 nJ per instruction", scalarCode.command(),
			"package energy over executed instructions, scalar code on all cores", "nJ", "about 1",
			func(l *Lab) (answer, error) { return perInstruction(l, scalarCode) },
		},
		{
			topic, "A CPU spends about 1 nJ per instruction, with AVX2", vectorCode.command(),
			"package energy over executed instructions", "nJ", "about 1",
			func(l *Lab) (answer, error) { return perInstruction(l, vectorCode) },
		},
		{
			topic, "About 1 % of a CPU's energy is the work", scalarCode.command(),
			"payload_energy_pct, scalar code", "%", "about 1",
			func(l *Lab) (answer, error) { return cpuPayload(l, scalarCode) },
		},
		{
			topic, "About 1 % of a CPU's energy is the work, with AVX2", vectorCode.command(),
			"payload_energy_pct", "%", "about 1",
			func(l *Lab) (answer, error) { return cpuPayload(l, vectorCode) },
		},
		{
			topic, "CPU loads take 3 cycles (L1)", "gpusim config show haswell-2699v3",
			"cpu.caches.0.latency: what the machine file states, from measurements", "cycles", "3",
			func(l *Lab) (answer, error) { return loads(l, false) },
		},
		{
			topic, "CPU loads take 200 cycles (DRAM)", "gpusim config show haswell-2699v3",
			"cpu.memory.latency x cpu.clock.vector", "cycles", "about 200",
			func(l *Lab) (answer, error) { return loads(l, true) },
		},
		{
			topic, "Vector extensions recover part of what a CPU loses", commands(scalarCode, vectorCode),
			"energy_uj of scalar code over that of AVX2", "x", "above 1, below a GPU's gain",
			func(l *Lab) (answer, error) {
				scalar, vector, err := l.both(scalarCode, vectorCode)
				if err != nil {
					return answer{}, err
				}
				gpu, err := l.run(call{"volta", "gemm:1024x1024x1024:fp32", nil})
				if err != nil {
					return answer{}, err
				}
				gain, whole := scalar.Energy.TotalUJ/vector.Energy.TotalUJ, scalar.Energy.TotalUJ/gpu.Energy.TotalUJ
				v := Disagrees
				if gain > 1.2 && gain < whole {
					v = Agrees
				}
				return answer{gain, v, fmt.Sprintf("a V100 in fp32 takes %.0f times less energy than scalar code, so AVX2 recovers %.0f %% of the factor's logarithm",
					whole, 100*math.Log(gain)/math.Log(whole))}, nil
			},
		},
	}
}

func perInstruction(l *Lab, c call) (answer, error) {
	r, err := l.run(c)
	if err != nil {
		return answer{}, err
	}
	n := float64(component(&r, energy.CPUInstruction).Events)
	if n == 0 {
		return answer{}, fmt.Errorf("the ledger counts no instructions")
	}
	nj := r.Energy.TotalUJ * 1e3 / n
	share := column(&r, energy.Static) / r.Energy.TotalUJ
	verdict := func(v float64) Verdict { return judge(v, 0.5, 2, 0.25, 4) }
	per := func(l []energy.Ledger) float64 { return l[0].TotalUJ * 1e3 / n }
	return answer{nj, verdict(nj), fmt.Sprintf("power scope %s; %.0f %% of it is static; %s", r.Energy.Scope, 100*share,
		sensitivity([]*gpusim.Result{&r}, per, verdict))}, nil
}

func cpuPayload(l *Lab, c call) (answer, error) {
	r, err := l.run(c)
	if err != nil {
		return answer{}, err
	}
	pct := r.Energy.PayloadPct()
	verdict := func(v float64) Verdict { return judge(v, 0.5, 2, 0.2, 5) }
	of := func(l []energy.Ledger) float64 { return 100 * columnsOf(&l[0], energy.Payload) / l[0].TotalUJ }
	return answer{pct, verdict(pct), "payload: the multiply-adds that were asked for, leakage and idle power in the whole; " +
		sensitivity([]*gpusim.Result{&r}, of, verdict)}, nil
}

func loads(l *Lab, memory bool) (answer, error) {
	m, err := l.machine(vectorCode)
	if err != nil {
		return answer{}, err
	}
	if !memory {
		v := float64(m.CPU.Caches[0].Latency)
		return answer{v, judge(v, 3, 3, 3, 5), "load to use of a hit in L1; three cycles were those of earlier cores"}, nil
	}
	v := float64(m.CPU.Memory.Latency) * 1e-12 * float64(m.CPU.Clock.Vector)
	return answer{v, judge(v, 150, 260, 100, 400), "with all cores at the AVX2 clock"}, nil
}
