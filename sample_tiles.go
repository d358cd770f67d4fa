package gpusim

import (
	"gpusim/sm"
	"gpusim/sm/gpu"
)

// Sampling of persistent grids leaves out tiles of each CTA, as many of all, and
// iterations of the main loops of the others.
const (
	// Up to this nothing is left out: where each CTA has few tiles, some of which find
	// their operands in L2 and some do not, jumps would even out what they take.
	persistentBudget = 3 * budget

	lineCost   = 8 // warp instructions that a line moved by the TMA counts as: what it takes to simulate
	firstTile  = 1 // tiles before those that a jump rests on: with them the pipeline fills
	paceTiles  = 2 // that it rests on
	lastTiles  = 1 // after it
	ringsFull  = 2 // times round the ring of stages until an iteration's pace has settled
	paceWindow = 8 // iterations that a window measures
)

// persistent decides what to leave out of a persistent grid.
func (s *sampling) persistent(p *sm.Prepared) error {
	k := p.Kernel
	lines, stages := 0, 1
	for i := range k.Boxes {
		b := &k.Boxes[i]
		if n, bytes := b.Lines(k); b.Stride > 0 {
			lines += n * ((bytes + 127) / 128)
		}
	}
	for _, b := range k.Barriers {
		stages = max(stages, b.Stages)
	}
	s.loop += lineCost * lines
	tiles := k.Tiles
	if s.insts(tiles, s.trips) <= persistentBudget {
		return nil
	}
	plan := &sm.Plan{}
	const ran = firstTile + paceTiles + lastTiles
	if each := k.Tiles / k.CTAs(); each >= ran+2 {
		plan.Tiles = sm.TileJump{From: firstTile, To: firstTile + paceTiles, Skip: int32(each - ran)}
		tiles -= k.CTAs() * (each - ran)
	}
	s.settle, s.window = ringsFull*stages, paceWindow
	if s.insts(tiles, s.trips) > persistentBudget {
		if w := s.windows(tiles); w != nil {
			plan.Windows = w.Windows
		}
	}
	if plan.Tiles.Skip == 0 && len(plan.Windows) == 0 {
		return nil
	}
	return p.Sample(plan)
}

// ranTiles counts the tiles and the main-loop iterations that were simulated of a
// persistent grid.
func ranTiles(r *gpu.Report) (tiles, trips uint64) {
	k := r.Launch.Kernel
	for role, p := range k.Programs {
		warps := uint64(0)
		for _, of := range k.Role {
			if int(of) == role {
				warps++
			}
		}
		for i, s := range p.Segments {
			switch n := r.SM.Segments[role][i] / warps; {
			case s.Loop:
				trips = max(trips, n)
			case s.PerTile:
				tiles = max(tiles, n)
			}
		}
	}
	return tiles, trips
}
