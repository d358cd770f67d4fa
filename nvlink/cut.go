package nvlink

import (
	"math/bits"

	"gpusim/workloads"
)

// cut decides how many channels and which chunks carry the buffer.
func (u *setup) cut() {
	u.proto = *protocolOf(u.pick.proto)
	p := &u.proto
	each := p.threads * p.least
	if p.name == LL && u.pick.algo == Ring {
		each *= int64(u.c.GPUs)
	}
	n := len(u.rings)
	threads := p.threads
	for u.c.Size < int64(n)*each {
		if n > 1 {
			n--
		} else if threads%128 == 0 {
			threads, each = threads/2, each/2
		} else {
			break
		}
	}
	u.rings = u.rings[:n]
	scale := float64(u.lib.Buffer) / (4 << 20)
	u.plan = plan{
		ranks: u.c.GPUs, bytes: u.c.Size, rings: u.rings, root: u.c.Root,
		chunk:  max(16, int64(float64(p.chunk)*scale)/16*16),
		pieces: p.pieces, least: 16, grain: threads * 8,
	}
	if p.name == Simple {
		u.plan.least = minSlice
	}
	u.plan.uneven = u.c.Op == workloads.AllReduce
	if p.name != LL && (u.pick.algo == Tree || u.c.Op == workloads.Broadcast) {
		u.pipeline()
	}
	u.plan.boxes = make([][]int, u.boxes)
	for r := range u.c.GPUs {
		u.plan.boxes[r/u.per] = append(u.plan.boxes[r/u.per], r)
	}
}

// pipeline cuts for trees and chains: slices of one step of the buffer, and
// smaller ones while there are few of them for the depth (NCCL 2.1x, enqueue.cc,
// computeColl, where it holds for trees; in chains LL128 goes on line by line).
func (u *setup) pipeline() {
	p := &u.plan
	p.chunk, p.pieces, p.least = max(16, p.chunk/4/16*16), 1, 16
	u.proto.slots = 8
	if u.pick.algo != Tree && u.proto.name == Simple {
		return
	}
	depth := int64(u.c.GPUs/u.boxes - 1 + bits.Len(uint(u.boxes)) - 1)
	for _, rule := range []struct{ slices, least int64 }{{8, 128 << 10}, {4, 64 << 10}, {1, 32 << 10}} {
		for p.bytes/(int64(len(p.rings))*p.chunk) < depth*rule.slices && p.chunk > rule.least {
			p.chunk /= 2
		}
	}
	p.chunk = max(16, p.chunk/16*16)
}
