package claims

import (
	"fmt"
	"math"

	"gpusim/configs"
)

var (
	edgeHalf  = call{"xavier", "gemm:4096x4096x4096:fp16", nil}
	edgeBytes = call{"xavier", "gemm:4096x4096x4096:int8,ta=t", nil}
	edgeImage = call{"xavier", "model:resnet50,batch=1,dtype=fp16", nil}
	// One accelerator of Xavier: nv_full's 2048 multipliers at 1395.2 MHz (NVIDIA's
	// maximum for AGX Xavier). Its convolution runs from a memory of its own share.
	dla = call{"nvdla-full", "conv:n=1,c=256,h=56,w=56,k=256,r=3,s=3,pad=1,dtype=int8", []string{"nvdla.clock=1395 MHz", "nvdla.memory.bandwidth=60 GB/s"}}
)

func edgeClaims() []Entry {
	const topic = "Xavier and the edge"
	return []Entry{
		{
			topic, "Xavier has a tenth of Volta", commands(largeHalf, edgeHalf), "tops of volta over tops of xavier", "x", "10",
			func(l *Lab) (answer, error) {
				v, x, err := l.both(largeHalf, edgeHalf)
				if err != nil {
					return answer{}, err
				}
				r := tops(&v) / tops(&x)
				return answer{r, judge(r, 8, 12, 5, 20), fmt.Sprintf("peaks %.0f and %.1f TFLOP/s in fp16", v.PeakTOPS, x.PeakTOPS)}, nil
			},
		},
		{
			topic, "Xavier has over 10 TOPS on its GPU (fp16)", edgeHalf.command(), "tops in fp16", "TOPS", "above 10",
			func(l *Lab) (answer, error) {
				return rate(l, edgeHalf, "published: 11.3 in fp16, 22.6 in int8; en.wikichip.org has 20 in fp16")
			},
		},
		{
			topic, "Xavier has over 10 TOPS on its GPU (int8)", edgeBytes.command(), "tops in int8", "TOPS", "above 10",
			func(l *Lab) (answer, error) { return rate(l, edgeBytes, "published: 22.6 in int8") },
		},
		{
			topic, "Xavier has 20 TOPS on its accelerators", dla.line("run"), "peak of two NVDLA of 2048 multipliers at 1395 MHz in int8", "TOPS", "20",
			func(l *Lab) (answer, error) {
				m, err := l.machine(dla)
				if err != nil {
					return answer{}, err
				}
				v := 2 * 2 * float64(m.NVDLA.AtomicC*m.NVDLA.AtomicK) * float64(m.NVDLA.Clock) / 1e12
				note := "public figures differ: 5.7 for each in int8, 10 for both, and 30 with the GPU, of which it has 20"
				if r, err := l.run(dla); err == nil {
					note += fmt.Sprintf("; a 3x3 convolution of 256 channels counts %.1f on each, as Winograd saves multiplications", tops(&r))
				}
				return answer{v, judge(v, 18, 22, 15, 25), note}, nil
			},
		},
		{
			topic, "An edge device answers sooner than the cloud", commands(fusedGraph, edgeImage),
			"time_us of one image on xavier less that on volta: the way to the cloud and back that makes both equal", "ms", "below 20",
			func(l *Lab) (answer, error) {
				cloud, edge, err := l.both(fusedGraph, edgeImage)
				if err != nil {
					return answer{}, err
				}
				v := (edge.TimeUS - cloud.TimeUS) / 1e3
				return answer{v, judge(v, math.Inf(-1), 20, math.Inf(-1), 100), fmt.Sprintf("%.2f and %.2f ms; the network between is not modelled: from this round trip on the edge is sooner, and mobile networks take 20 ms and more",
					edge.TimeUS/1e3, cloud.TimeUS/1e3)}, nil
			},
		},
	}
}

func rate(l *Lab, c call, note string) (answer, error) {
	r, err := l.run(c)
	if err != nil {
		return answer{}, err
	}
	v := tops(&r)
	return answer{v, atLeast(v, 10, 8), note + fmt.Sprintf("; peak of the model %.1f", r.PeakTOPS)}, nil
}

func systemClaims() []Entry {
	const topic = "Many devices"
	sum := func(gpus int) call { return call{"dgx2", fmt.Sprintf("allreduce:bytes=256MiB,gpus=%d", gpus), nil} }
	gpu, cpu := call{"k20x", "gemm:2048x2048x2048:fp32", nil}, call{"haswell-2699v3", "gemm:2048x2048x2048:fp32", nil}
	return []Entry{
		{
			topic, "DGX-2 with NVSwitch scales", commands(sum(2), sum(16)), "bus bandwidth of an all-reduce of 16 GPUs over that of 2", "x", "near 1",
			func(l *Lab) (answer, error) {
				two, all, err := l.both(sum(2), sum(16))
				if err != nil {
					return answer{}, err
				}
				v := all.BusGBps / two.BusGBps
				return answer{v, atLeast(v, 0.8, 0.5), fmt.Sprintf("%.0f and %.0f GB/s a GPU for 256 MiB", two.BusGBps, all.BusGBps)}, nil
			},
		},
		{
			topic, "DGX-2 trains ResNet-50 sixteen times as fast as one of its GPUs", "gpusim run volta -w model:resnet50,batch=16,dtype=fp16,phase=train --baseline none; gpusim run dgx2 -w allreduce:bytes=102MiB,gpus=16 --baseline none",
			"16 x time of a step over that of the step and an all-reduce of its fp32 gradients after it", "x", "near 16",
			func(l *Lab) (answer, error) {
				step, sync, err := l.both(call{"volta", "model:resnet50,batch=16,dtype=fp16,phase=train", nil}, call{"dgx2", "allreduce:bytes=102MiB,gpus=16", nil})
				if err != nil {
					return answer{}, err
				}
				v := 16 * step.TimeUS / (step.TimeUS + sync.TimeUS)
				return answer{v, atLeast(v, 14.4, 8), fmt.Sprintf("sixteen images a GPU: %.1f ms a step and %.1f ms for 102 MiB after it; libraries hide most of that behind the backward pass", step.TimeUS/1e3, sync.TimeUS/1e3)}, nil
			},
		},
		{
			topic, "48 GPUs do what 16,000 CPU cores did", commands(gpu, cpu), "tops of 48 K20X over those of 16,000 Haswell cores on an fp32 product", "x", "1 or more",
			func(l *Lab) (answer, error) {
				g, c, err := l.both(gpu, cpu)
				if err != nil {
					return answer{}, err
				}
				m, err := configs.Load(cpu.machine, nil)
				if err != nil {
					return answer{}, err
				}
				cores := float64(m.CPU.Sockets * m.CPU.Cores)
				v := 48 * tops(&g) / (16000 / cores * tops(&c))
				return answer{v, atLeast(v, 1, 0.1), fmt.Sprintf("arithmetic alone: the claim holds if the cluster of CPUs reached less than %.0f %% of its products' rate; its network, its older cores, and the parameter server's waits are not modelled", 100*v)}, nil
			},
		},
	}
}
