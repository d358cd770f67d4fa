package claims

import (
	"fmt"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
)

var (
	largeTPU = call{"tpu2", "gemm:4096x4096x4096:bf16", nil}
	// int8 reaches the Tensor Cores in convolutions; plain products of cuBLAS use DP4A.
	bytesTPU  = call{"tpu1", "conv:n=16,c=256,h=28,w=28,k=256,r=3,s=3,pad=1,dtype=int8", nil}
	bytesT4   = call{"turing", "conv:n=16,c=256,h=28,w=28,k=256,r=3,s=3,pad=1,dtype=int8,layout=nhwc", nil}
	noTensor  = call{"volta", "", []string{"gpu.tensor_core.shape=none", "gpu.tensor_core.fma_per_clk=0"}}
	singleSML = call{"volta", "gemm:2048x2048x2048:fp32", nil}
)

// operators are layers that networks have beside products and convolutions.
var operators = []string{
	"softmax:rows=4096,cols=1024", "layernorm:rows=4096,cols=1024", "elementwise:op=gelu,size=1000000,dtype=fp32", "embedding:rows=4096,cols=768,vocab=30522",
	"reduce:op=sum,rows=4096,cols=1024", "batchnorm:n=16,c=64,h=56,w=56,phase=train", "pool:op=max,n=16,c=64,h=112,w=112,r=3,s=3,stride=2,pad=1", "lstmcell:batch=64,hidden=1024",
}

func arrayClaims() []Entry {
	const topic = "Tensor Cores and machines with a fixed array"
	efficient := func(c, tpu call, what string) Entry {
		return Entry{
			topic, "Tensor Cores are about as efficient as a TPU (" + what + ")", commands(c, tpu),
			"pj_per_op of the GPU over that of the TPU", "x", "0.5 to 2",
			func(l *Lab) (answer, error) {
				g, t, err := l.both(c, tpu)
				if err != nil {
					return answer{}, err
				}
				v := pjPerOp(&g) / pjPerOp(&t)
				verdict := func(v float64) Verdict { return judge(v, 0.5, 2, 0.25, 4) }
				ratio := func(l []energy.Ledger) float64 { return l[0].TotalUJ / g.Ops / (l[1].TotalUJ / t.Ops) }
				arithmetic := func(x float64, ops float64) float64 { return x * 1e6 / ops }
				return answer{v, verdict(v), fmt.Sprintf("scopes: %s and %s; %s; payload alone %.2f and %.2f pJ an operation; %s",
					g.Energy.Scope, t.Energy.Scope, kernel(&g), arithmetic(column(&g, energy.Payload), g.Ops), arithmetic(column(&t, energy.Payload), t.Ops),
					sensitivity([]*gpusim.Result{&g, &t}, ratio, verdict))}, nil
			},
		}
	}
	var ops []call
	for _, o := range operators {
		ops = append(ops, call{"volta", o, nil})
	}
	return []Entry{
		efficient(largeHalf, largeTPU, "V100 in fp16, TPU v2 in bf16"),
		efficient(bytesT4, bytesTPU, "T4 at 12 nm and TPU v1 at 28 nm, int8 convolution"),
		{
			topic, "Machines with Tensor Cores stay programmable", commands(ops...),
			"how many of eight layers that are no products run on volta", "of 8", "8; fewer on tpu1 and nvdla-full",
			programmable,
		},
		{
			topic, "Tensor Cores cost area", "gpusim area volta; " + noTensor.line("area"),
			"share of row sm_tensor", "%", "above 0",
			func(l *Lab) (answer, error) {
				with, err := l.area(call{machine: "volta"})
				if err != nil {
					return answer{}, err
				}
				without, err := l.area(noTensor)
				if err != nil {
					return answer{}, err
				}
				r := with.Component("sm_tensor")
				return answer{100 * r.MM2 / with.TotalMM2, atLeast(with.TotalMM2-without.TotalMM2, 1, 0.1), fmt.Sprintf(
					"%.0f of %.0f mm2 (%.0f to %.0f); without them %.0f", r.MM2, with.TotalMM2, r.LowMM2, r.HighMM2, without.TotalMM2)}, nil
			},
		},
		{
			topic, "Idle Tensor Cores burn no energy but take area", singleSML.command() + "; gpusim area volta",
			"leakage x their share of the die while an fp32 product runs", "W", "0",
			idleTensorCores,
		},
		{
			topic, "A TPU costs less to make", "gpusim area tpu1; gpusim area k80",
			"share of a wafer of a good die of TPU v1 over that of a K80's die, both at 28 nm", "x", "below 1",
			func(l *Lab) (answer, error) {
				t, err := l.area(call{machine: "tpu1"})
				if err != nil {
					return answer{}, err
				}
				g, err := l.area(call{machine: "k80"})
				if err != nil {
					return answer{}, err
				}
				a, b := t.Cost(), g.Cost()
				v := a.USD / b.USD
				verdict := judge(v, 0, 1, 0, 1.2)
				if verdict == Agrees && a.HighUSD > b.LowUSD {
					verdict = Partly
				}
				return answer{v, verdict, fmt.Sprintf("$%.0f (%.0f to %.0f) against $%.0f (%.0f to %.0f) of wafer; no development, memory, package or profit, and TPU v1's die is stated as at most 331 mm2",
					a.USD, a.LowUSD, a.HighUSD, b.USD, b.LowUSD, b.HighUSD)}, nil
			},
		},
		{
			topic, "A hard-wired chip saves area", "gpusim area nvdla-2048 --set area.process=n12; gpusim area turing",
			"int8 multiply-adds a clock and mm2 of NVDLA over those of T4's SMs, both at 12 nm", "x", "above 1",
			func(l *Lab) (answer, error) {
				c := call{"nvdla-2048", "", []string{"area.process=n12"}}
				n, err := l.area(c)
				if err != nil {
					return answer{}, err
				}
				m, err := l.machine(c)
				if err != nil {
					return answer{}, err
				}
				t, err := l.machine(bytesT4)
				if err != nil {
					return answer{}, err
				}
				g, err := l.area(bytesT4)
				if err != nil {
					return answer{}, err
				}
				g12 := t.GPU
				macs := g12.Tensor.Rate("int8") * float64(g12.SM.SubCores*(g12.SM.Count+t.Area.Die.SpareSMs))
				hard := float64(m.NVDLA.AtomicC*m.NVDLA.AtomicK) / n.Modelled()
				soft := macs / g.Group("sm")
				return answer{hard / soft, atLeast(hard/soft, 1.05, 0.95), fmt.Sprintf("%.0f against %.0f int8 multiply-adds a clock and mm2 of SM, %.0f of whole die; NVDLA has no interfaces in it, and an SM runs at 1.6 GHz instead of 1",
					hard, soft, macs/g.TotalMM2)}, nil
			},
		},
	}
}

func programmable(l *Lab) (answer, error) {
	count := func(machine string) (int, []string) {
		n := 0
		var refused []string
		for _, o := range operators {
			c := call{machine, o, nil}
			if r, err := l.run(c); err == nil && r.Machine == machine {
				n++
			} else {
				kind, _, _ := strings.Cut(o, ":")
				refused = append(refused, kind)
			}
		}
		return n, refused
	}
	gpu, missing := count("volta")
	tpu, _ := count("tpu1")
	nvdla, _ := count("nvdla-full")
	verdict := Disagrees
	switch {
	case gpu == len(operators) && tpu < gpu && nvdla < gpu:
		verdict = Agrees
	case gpu > tpu && gpu > nvdla:
		verdict = Partly
	}
	note := fmt.Sprintf("tpu1 runs %d and nvdla-full %d of them by themselves", tpu, nvdla)
	if missing != nil {
		note += "; volta does not run " + strings.Join(missing, ", ")
	}
	return answer{float64(gpu), verdict, note}, nil
}

func idleTensorCores(l *Lab) (answer, error) {
	r, err := l.run(singleSML)
	if err != nil {
		return answer{}, err
	}
	a, err := l.area(call{machine: "volta"})
	if err != nil {
		return answer{}, err
	}
	m, err := configs.Load("volta", nil)
	if err != nil {
		return answer{}, err
	}
	dynamic := 0.0
	for _, c := range []string{energy.MMAFP16, energy.MMAFP32, energy.MMASlot} {
		dynamic += component(&r, c).EnergyUJ
	}
	share := a.Component("sm_tensor").MM2 / a.TotalMM2
	leak := float64(m.Energy.Static[energy.Leakage].Power) * share
	watts := dynamic/r.TimeUS + leak
	return answer{watts, judge(watts, 0, 0.1, 0, 0.02*r.Energy.TotalUJ/r.TimeUS), fmt.Sprintf(
		"no switching energy (%.0f uJ), but by area %.1f %% of the leakage that the ledger has for the whole die; they take %.0f mm2", dynamic, 100*share, a.Component("sm_tensor").MM2)}, nil
}
