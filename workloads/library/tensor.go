package library

import "fmt"

// mmaKernels completes kernels of the matrix instructions since Turing for a
// type; name is a format of tile, k-tile and stages.
func mmaKernels(typ, name string, es []Entry) []Entry {
	for i := range es {
		e := &es[i]
		e.Name = fmt.Sprintf(name, e.TileM, e.TileN, e.TileK, e.Stages)
		e.Family, e.Type, e.WarpK, e.Swizzle = "mma", typ, 1, true
	}
	return es
}

// hmmaEntries are Volta's Tensor Core kernels, see gemm's hmmaTiles.
func hmmaEntries(name, typ string) []Entry {
	shapes := []Entry{
		{TileM: 256, TileN: 128, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.85, GainN: 0.93},
		{TileM: 128, TileN: 256, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.92},
		{TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.87},
		{TileM: 256, TileN: 64, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.87},
		{TileM: 64, TileN: 256, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.78},
		{TileM: 128, TileN: 64, WarpM: 64, WarpN: 32, Threads: 128, PerSM: 3, Gain: 0.65},
		{TileM: 64, TileN: 128, WarpM: 32, WarpN: 64, Threads: 128, PerSM: 3, Gain: 0.72},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Threads: 128, PerSM: 4, Gain: 0.70},
	}
	for i := range shapes {
		e := &shapes[i]
		e.Name = fmt.Sprintf("%s_%dx%d", name, e.TileM, e.TileN)
		e.Family, e.Type, e.TileK, e.WarpK = "hmma", typ, 32, 1
	}
	return shapes
}

// turingEntries are the Tensor Core kernels of Turing: Volta's tiles, two
// buffers. Gradients of filters leave sums in fp32 and a second kernel makes halves of
// them (reduce_wgrad_nchw_helper<float, __half> in public profiles): DeepBench's rows
// on T4 of one slice take as much longer than others as that moves, 12 bytes an element.
func turingEntries(name, typ string) []Entry {
	shapes := []Entry{
		{TileM: 256, TileN: 128, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.90},
		{TileM: 128, TileN: 256, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.90},
		{TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.90},
		{TileM: 256, TileN: 64, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 1, Gain: 0.85},
		{TileM: 64, TileN: 256, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 1, Gain: 0.85},
		{TileM: 128, TileN: 64, WarpM: 64, WarpN: 32, Threads: 128, PerSM: 2, Gain: 0.75},
		{TileM: 64, TileN: 128, WarpM: 32, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.75},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Threads: 128, PerSM: 4, Gain: 0.70},
	}
	for i := range shapes {
		shapes[i].TileK, shapes[i].Stages, shapes[i].turing = 32, 2, true
	}
	return mmaKernels(typ, name+"_%[1]dx%[2]d_ldg8_f2f", shapes)
}

// ampereEntries are those of Ampere, which copy k-tiles without registers. Tiles
// and stages are those of kernel names in public profiles and of CUTLASS's list
// for sm_80.
func ampereEntries(name, typ string) []Entry {
	shapes := []Entry{
		{TileM: 256, TileN: 128, TileK: 32, Stages: 3, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.95},
		{TileM: 128, TileN: 256, TileK: 32, Stages: 3, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.95},
		{TileM: 128, TileN: 128, TileK: 32, Stages: 5, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.90},
		{TileM: 256, TileN: 64, TileK: 32, Stages: 4, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.85},
		{TileM: 64, TileN: 256, TileK: 32, Stages: 4, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.85},
		{TileM: 128, TileN: 64, TileK: 32, Stages: 6, WarpM: 64, WarpN: 32, Threads: 128, PerSM: 2, Gain: 0.70},
		{TileM: 64, TileN: 128, TileK: 32, Stages: 6, WarpM: 32, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.70},
		{TileM: 64, TileN: 64, TileK: 64, Stages: 5, WarpM: 32, WarpN: 32, Threads: 128, PerSM: 2, Gain: 0.55},
	}
	if typ == "tf32" { // as many bytes
		for i := range shapes {
			shapes[i].TileK /= 2
		}
	}
	return mmaKernels(typ, name+"_%dx%d_ldg8_f2f_stages_%dx%d", shapes)
}

// tensorDGEMM are CUTLASS's fp64 kernels for sm_80.
func tensorDGEMM() []Entry {
	shapes := []Entry{
		{TileM: 128, TileN: 128, WarpM: 32, WarpN: 64, Stages: 3, Threads: 256, PerSM: 1, Gain: 0.95},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Stages: 4, Threads: 128, PerSM: 2, Gain: 0.90},
		{TileM: 32, TileN: 32, WarpM: 16, WarpN: 16, Stages: 5, Threads: 128, PerSM: 4, Gain: 0.80},
	}
	for i := range shapes {
		shapes[i].TileK = 16
	}
	return mmaKernels("fp64", "cutlass_80_tensorop_d884gemm_%dx%d_%dx%d", shapes)
}

// cutlassInt are CUTLASS's kernels for integers on Tensor Cores of a compute
// capability: what cuBLAS launches for int8 only where both operands are
// contiguous in k. k-tiles have 64 bytes.
func cutlassInt(sm, inst, typ string, bits, stages int, manual bool) []Entry {
	shapes := []Entry{
		{TileM: 256, TileN: 128, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.95},
		{TileM: 128, TileN: 256, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.95},
		{TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.90},
		{TileM: 128, TileN: 64, WarpM: 64, WarpN: 32, Threads: 128, PerSM: 2, Gain: 0.75},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Threads: 128, PerSM: 3, Gain: 0.60},
	}
	for i := range shapes {
		shapes[i].TileK, shapes[i].Stages, shapes[i].Manual = 64*8/bits, stages, manual
	}
	return mmaKernels(typ, fmt.Sprintf("cutlass_%s_tensorop_%sgemm_%s", sm, inst, typ)+"_%dx%d_%dx%d", shapes)
}
