package gpu

import (
	"gpusim/memory"
	"gpusim/workloads/tile"
)

// onJump puts L2 into the state in which the part left out would have left it. Behind
// CTAs that is what they touched last. Of loops, which only read, it is nothing that
// anybody asks for again.
func (d *GPU) onJump(l *Launch) func(uint64) {
	return func(uint64) {
		m := d.Memory.System
		dirty := m.Dirty()
		if w := &l.Waves; w.By > w.Beside { // what runs beside is not behind; by columns it is as much, if elsewhere
			d.warmSideBySide(l.Kernel, float64(w.At+w.By)/float64(l.Kernel.CTAs()), false)
		} else {
			m.Forget()
		}
		l.owed += dirty - m.Dirty()
	}
}

// writeBack is the time that DRAM takes for what the jumps of a launch owe it: dirty
// lines that were there before and not behind, which somebody has written meanwhile
// (or the other way round, less than nothing). Each takes what each has taken.
func (d *GPU) writeBack(r *Report) int64 {
	m := &r.Memory
	all := m.DRAMReadSectors + m.DRAMWriteSectors
	if r.Launch.owed == 0 || all == 0 {
		return 0
	}
	return int64(float64(r.Launch.owed) * d.perSector(m))
}

// perSector is how long DRAM's pins are busy with a sector of those counted, in cycles of
// the GPU, all channels taking part.
func (d *GPU) perSector(m *memory.Counters) float64 {
	all := m.DRAMReadSectors + m.DRAMWriteSectors
	seconds := float64(m.DRAMBusy) / float64(max(1, all)) / float64(d.spec.DRAM.Channels) / float64(d.spec.DRAM.Clock)
	return seconds * float64(d.Domain.Hz())
}

// warmSideBySide installs what a kernel that walks through its tensors at one pace
// leaves behind a part of them: of each what was touched last is there, in proportion
// to its size. Parameters that others have driven out meanwhile are not.
func (d *GPU) warmSideBySide(k *tile.Kernel, part float64, fresh bool) {
	const steps = 512
	sum := int64(0)
	for i := range k.Tensors {
		sum += k.Tensors[i].Bytes
	}
	share := min(part, float64(d.spec.L2.Size)/float64(max(1, sum)))
	for step := range int64(steps) {
		for i := range k.Tensors {
			t := &k.Tensors[i]
			if fresh && t.Parameter {
				continue
			}
			bytes, end := int64(share*float64(t.Bytes)), int64(part*float64(t.Bytes))
			from, to := bytes*step/steps, bytes*(step+1)/steps
			d.Memory.System.Warm(t.Base+uint64(end-bytes+from), to-from, t.Output)
		}
	}
}
