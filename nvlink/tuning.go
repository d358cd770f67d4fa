package nvlink

import (
	"math"

	"gpusim/configs"
	"gpusim/workloads"
)

// Algorithms and protocols.
const (
	Ring     = "ring"
	Tree     = "tree"
	Halving  = "halving"
	InSwitch = "in_switch"

	Simple = "simple"
	LL     = "ll"
	LL128  = "ll128"
)

// protocol is how a channel passes slices on.
type protocol struct {
	name    string
	traffic Traffic
	threads int64 // of a CTA
	least   int64 // bytes of data per thread before a further channel is used
	pieces  int   // slices of a chunk
	chunk   int64 // bytes of data of a chunk at most, of a buffer of 4 MiB
	slots   int   // slices that a connection holds
	extra   uint64
	step    uint64
}

// protocols, after NCCL 2.1x (src/include/devcomm.h, comm.h): a buffer has eight steps;
// Simple takes four as a chunk and two as a slice, the others one.
//
// extra is NCCL's base latency beyond that of LL (tuning.cc: 6.6, 14.0, 8.4 us).
// step is what a CTA is busy with a slice beside moving it. LL's is [fit] to 2 and 16 KiB
// of LLMCompass' four A100 (15.1 and 17.4 us). Simple's is NCCL's hop, in which it is
// contained; LL128's is [assumed] to be the same: both wait at a barrier of the CTA.
var protocols = []protocol{
	{name: LL, traffic: Flags8, threads: 512, least: 8, pieces: 1, chunk: 32 << 10, slots: 8, extra: 0, step: us(1)},
	{name: LL128, traffic: Flags128, threads: 640, least: 8, pieces: 1, chunk: 576000, slots: 8, extra: us(7.4), step: us(3.4)},
	{name: Simple, traffic: Stores, threads: 512, least: 64, pieces: 2, chunk: 2 << 20, slots: 4, extra: us(1.8), step: us(3.4)},
}

// minSlice is the least that Simple cuts a chunk into: a 32nd of a slice.
const minSlice = 32 << 10

func us(t float64) uint64 { return uint64(math.Round(t * 1e6)) }

func protocolOf(name string) *protocol {
	for i := range protocols {
		if protocols[i].name == name {
			return &protocols[i]
		}
	}
	return nil
}

// hops are NCCL's latencies of a hop in us (src/graph/tuning.cc, hwLat): of a
// slice from one CTA to the next, wire and polling included.
var hopUS = map[string]map[string]map[string]float64{
	configs.ClassNVLink: {Ring: {LL: 0.6, LL128: 1.9, Simple: 3.4}, Tree: {LL: 0.6, LL128: 1.25, Simple: 4}},
	configs.ClassPCIe:   {Ring: {LL: 1.0, LL128: 2.5, Simple: 5.7}, Tree: {LL: 1.0, LL128: 1.9, Simple: 6}},
	configs.ClassNet:    {Ring: {LL: 2.7, LL128: 4.0, Simple: 14}, Tree: {LL: 5.0, LL128: 8.5, Simple: 14}},
}

// baseUS are NCCL's base latencies in us (baseLat).
var baseUS = map[string]map[string]float64{
	Ring: {LL: 6.6, LL128: 14, Simple: 8.4},
	Tree: {LL: 6.8, LL128: 14, Simple: 8.4},
}

// baseInSwitch is that of NVLS.
const baseInSwitch = 23.0

// treeCorrection is NCCL's factor on the bandwidth of trees by the logarithm of the
// size in units of 64 B.
var treeCorrection = map[string][]float64{
	LL:     {1, 1, 1, 1, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1, 1, 1},
	LL128:  {1, 1, 1, 1, 1, .9, .8, .8, .8, .7, .6, .6, .6, .5, .6, .6, .7, .7, .8, .9, .9, 1},
	Simple: {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .5, .5, .6, .6, .7, .8, .9},
}

// perChannel are the most that a channel passes on in GB/s with LL128, and in
// trees (perChMaxRingLL128Bws, perChMaxTreeBws of one node), and llMax what all
// channels do with LL.
var limits = map[string]struct{ ll128, tree, ll float64 }{
	"pascal": {20, 26.5, 39},
	"volta":  {20, 26.5, 39},
	"ampere": {20, 24, 87.7},
	"hopper": {36.7, 38.7, 141},
	"mpi":    {20, 26.5, 39},
}

// choice is an algorithm with a protocol and the time that the library
// expects of them.
type choice struct {
	algo, proto string
	us          float64
}

// expect is the library's own estimate of an operation, as NCCL 2.1x makes it
// (ncclTopoTuneModel, ncclTopoGetAlgoTime). bus is the bandwidth in GB/s of all
// channels, class that of the links in a box.
func expect(operation, tuning, algo, proto, class string, ranks, boxes, channels int, bus float64, bytes int64) float64 {
	lim := limits[tuning]
	bw := bus
	switch {
	case algo == InSwitch:
		return baseInSwitch + float64(bytes)/(bus*inSwitchEfficiency*5/6)/1e3
	case algo == Ring && proto == LL:
		bw = math.Min(lim.ll, bw/4)
	case algo == Ring && proto == LL128:
		bw = math.Min(bw*0.92, float64(channels)*lim.ll128)
	case algo == Tree:
		bw = math.Min(bw*0.92, float64(channels)*lim.tree)
		switch proto {
		case LL:
			bw = math.Min(bw/3.8, lim.ll)
		case LL128:
			f := 120.0 / 128
			if boxes == 1 {
				f = 7.0 / 9
			}
			bw = math.Min(bw*f, float64(channels)*lim.ll128)
		}
	}
	steps, across := 2*(ranks-1), 0
	if boxes > 1 {
		across = 2 * boxes
	}
	switch operation {
	case workloads.ReduceScatter, workloads.AllGather, workloads.AllToAll:
		steps, across = ranks-1, boxes-1
	case workloads.Broadcast:
		steps, across = ranks, boxes
		if proto == Simple { // a chunk's time on each hop, for want of a better model
			algo = Tree
		}
	}
	if operation == workloads.HaloExchange { // one hop
		return baseUS[Ring][proto] + hopUS[class][Ring][proto] + float64(bytes)/bw/1e3
	}
	ring := algo == Ring || operation == workloads.Broadcast
	lat := baseUS[algo][proto]
	in, out := hopUS[class][algo][proto], hopUS[configs.ClassNet][algo][proto]
	if ring {
		bw *= float64(ranks) / float64(steps)
		lat += float64(max(0, steps-across))*in + float64(across)*out
	} else {
		bw /= 2
		lat += 2 * (float64(ranks/boxes-1)*in + math.Floor(math.Log2(float64(boxes)))*out)
		if log := int(math.Log2(math.Max(1, float64(bytes>>6)))); log < len(treeCorrection[proto]) {
			bw *= treeCorrection[proto][log]
		}
	}
	return lat + float64(bytes)/bw/1e3
}
