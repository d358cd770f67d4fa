package nvlink

import (
	"fmt"
	"math"
	"testing"
)

// sameLinks holds that closed forms put on each link what events do.
func sameLinks(t *testing.T, what string, closed, events []LinkUse) {
	t.Helper()
	if len(closed) != len(events) || len(events) == 0 {
		t.Errorf("%s: %d links in the closed form, %d in events", what, len(closed), len(events))
		return
	}
	for i, e := range events {
		c := closed[i]
		if c.Link != e.Link || c.Dir != e.Dir || c.Type != e.Type || c.Stands != e.Stands {
			t.Errorf("%s: %+v, events %+v", what, c, e)
		}
		if math.Abs(c.Data-e.Data) > 0.015*e.Data+64 || math.Abs(c.Wire-e.Wire) > 0.015*e.Wire+64 { // rings' blocks are not all equal
			t.Errorf("%s: %s carries %.0f bytes in %.0f, events %.0f in %.0f", what, e.Dir, c.Data, c.Wire, e.Data, e.Wire)
		}
	}
}

// The bytes on links follow from the program and need no events.
func TestClosedFormsKnowTheLinks(t *testing.T) {
	for _, c := range []struct{ system, work string }{
		{"dgx1v", "allreduce:bytes=3MB,gpus=8"},
		{"dgx1v", "broadcast:bytes=10MB,gpus=8,root=3"},
		{"dgx2", "allreduce:bytes=1MiB,gpus=16,algo=tree"},
		{"dgx2", "allreduce:bytes=1MiB,gpus=16,algo=halving,proto=simple"},
		{"dgx2", "alltoall:bytes=1MiB,gpus=16"},
		{"dgx2", "p2p:bytes=1MB,src=0,dst=9,both=true"},
		{"dgx2", "p2p:bytes=10MB,src=0,dst=9,via=host"},
		{"hgx-h100", "allreduce:bytes=8MiB,gpus=8,algo=in_switch"},
		{"pcie-host", "allreduce:bytes=16MiB,gpus=16"},
		{"dgx2-pod", "allreduce:bytes=12MiB,gpus=64,algo=ring,proto=simple"},
		{"dgx2-pod", "allreduce:bytes=4MiB,gpus=48,algo=tree,proto=simple"},
		{"dgx2-pod", "allgather:bytes=48MiB,gpus=32"},
		{"summit", "allreduce:bytes=1MiB,gpus=384,algo=tree,proto=simple"},
	} {
		s := load(t, c.system)
		closed, err := Closed(s, parse(t, c.work))
		if err != nil {
			t.Fatal(err)
		}
		events := run(t, s, c.work, nil)
		if closed.Folded != events.Folded {
			t.Errorf("%s: folded %d, events %d", c.work, closed.Folded, events.Folded)
		}
		sameLinks(t, c.work, closed.Links, events.Links)
	}
}

// Likewise those of a step: on one node, through several that are all there, and folded.
func TestClosedStepsKnowTheLinks(t *testing.T) {
	ring := backwardStep(32, 2, 8<<20, 500, 0, false)
	folded := backwardStep(16, 2, 8<<20, 500, 0, false)
	folded.Folded = 2
	tree := backwardStep(6, 1, 2<<20, 500, 0, false)
	tree.Folded = 16
	for i := range ring.Ops {
		ring.Ops[i].Work.Algo, folded.Ops[i].Work.Algo, folded.Ops[i].Nodes = Ring, Ring, 2
	}
	tree.Ops[0].Work.Algo, tree.Ops[0].Nodes = Tree, 16
	for i, c := range []struct {
		system string
		step   *Step
	}{
		{"dgx2", backwardStep(16, 4, 25<<20, 2000, 0, false)}, {"dgx2", pipelineStep(4, 8, 300, 8<<20, []int{0, 1, 2, 3})},
		{"dgx2-pod", ring}, {"dgx2-pod", folded}, {"summit", tree},
	} {
		closed, err := ClosedStep(load(t, c.system), c.step)
		if err != nil {
			t.Fatal(err)
		}
		sameLinks(t, fmt.Sprintf("step %d on %s", i, c.system), closed.Links, runStep(t, c.system, c.step).Links)
	}
}
