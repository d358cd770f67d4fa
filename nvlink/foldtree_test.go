package nvlink

import (
	"context"
	"math"
	"testing"

	"gpusim/configs"
)

// Nodes that stand for others are all nodes of the tree, and each has as many
// children as in the tree that is not folded.
func TestFoldTreeCounts(t *testing.T) {
	for _, n := range []int{3, 4, 8, 48, 128, 170, 1024, 4608} {
		f := foldTree(n)
		all := 0.0
		for b := range f.boxes() {
			all += f.stands(b)
		}
		if math.Abs(all-float64(n)) > 1 { // of an odd number one place is inner in both
			t.Errorf("%d nodes: %g are stood for", n, all)
		}
		for tree := range 2 {
			children := make([]float64, f.boxes())
			roots := 0
			for b := range f.boxes() {
				up, like := f.parent(tree, b)
				if up < 0 {
					roots++
					continue
				}
				children[up] += like
			}
			if roots != 1 {
				t.Errorf("%d nodes: %d roots", n, roots)
			}
			for b, c := range children {
				if inner := b/f.heights == tree; inner != (c > 0) || c > 2.5 {
					t.Errorf("%d nodes, tree %d: node %d of the program has %g children", n, tree, b, c)
				}
			}
		}
	}
}

// A folded tree takes as long as one of which each rank is simulated.
func TestFoldedTreeAgainstWhole(t *testing.T) {
	m, err := configs.Load("summit", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"allreduce:bytes=64KiB,gpus=192,algo=tree,proto=simple", "allreduce:bytes=2MiB,gpus=192,algo=tree,proto=simple",
		"allreduce:bytes=4MiB,gpus=96,algo=tree,proto=simple", "allreduce:bytes=256KiB,gpus=96,algo=tree,proto=ll",
	} {
		whole := run(t, m.System, text, nil)
		u, err := newSetup(m.System, parse(t, text), nil)
		if err != nil {
			t.Fatal(err)
		}
		u.foldAll = true
		if err := u.prepare(); err != nil {
			t.Fatal(err)
		}
		folded, err := u.run(context.Background(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(folded.Seconds/whole.Seconds-1) > 0.05 {
			t.Errorf("%s: folded %.1f us, whole %.1f us", text, folded.us(), whole.us())
		}
	}
}
