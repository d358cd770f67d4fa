package gemm

import "testing"

// TestWalks: whatever the order, each tile comes once; blocks of two by two keep four
// CTAs to two rows and two columns of tiles.
func TestWalks(t *testing.T) {
	for _, c := range []Config{{}, {Swizzle: 4}, {Swizzle: 8}, {Blocks: true}} {
		for _, g := range [][2]int{{1, 1}, {4, 6}, {5, 6}, {6, 5}, {13, 13}, {3, 1}, {38, 13}} {
			seen := make(map[[2]int]bool)
			at := c.walk(g[0], g[1])
			for i := range g[0] * g[1] {
				x, y := at(i)
				if x < 0 || x >= g[0] || y < 0 || y >= g[1] || seen[[2]int{x, y}] {
					t.Fatalf("%+v, grid %v: CTA %d at tile %d, %d: outside the grid or there before", c, g, i, x, y)
				}
				seen[[2]int{x, y}] = true
			}
		}
	}
	at := (&Config{Blocks: true}).walk(4, 6)
	for i, want := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}, {2, 0}} {
		if x, y := at(i); [2]int{x, y} != want {
			t.Errorf("CTA %d of blocks at %d, %d, want %v", i, x, y, want)
		}
	}
}
