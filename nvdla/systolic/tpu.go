package systolic

// TPU is a weight-stationary array with a unified buffer for activations, a
// weight FIFO that memory fills tile by tile, and accumulators below the array
// (Jouppi et al., ISCA 2017). A tile is as many weights as the array has units.
// While one tile is used, the next is shifted in beside it.
type TPU struct {
	Rows, Cols   int
	Hz           float64
	WeightBytes  float64 // of one weight
	MemoryRate   float64 // bytes a second from the weight memory
	FIFOTiles    int
	Accumulators int // rows of results; half of them collect while the other half is read
	ShiftCycles  int // to move a tile into the array
	HostRate     float64
	SyncCycles   int // from a layer's last result to the next layer's first product
	Cores        int // that share the rows of a layer; each reads all weights
}

// TPULayer is one layer: Rows activation vectors of K words meet K x N weights.
// A layer without K is element-wise.
type TPULayer struct {
	Name string
	Rows int
	K, N int
	// Passes is how often the array takes a vector: 2 for 16-bit activations.
	Passes int
}

// TPUJob is what runs from the arrival of a batch to the departure of its
// results.
type TPUJob struct {
	Layers           []TPULayer
	InBytes, OutByte float64 // over the host's link, before and after
}

// fetch is the cycles that a tile takes from the weight memory, which cores share.
func (t *TPU) fetch() float64 {
	return float64(t.Rows*t.Cols*max(1, t.Cores)) * t.WeightBytes / t.MemoryRate * t.Hz
}

// TPURun says where the cycles went. Each cycle is in exactly one of Active,
// Stall, Shift, Sync and Host.
type TPURun struct {
	Cycles  float64
	Active  float64 // the array multiplies
	Stall   float64 // waits for weights from memory
	Shift   float64 // waits for a tile to be shifted in
	Sync    float64 // waits for the results of the layer before
	Host    float64 // waits for the host's link
	Tiles   uint64
	Useful  float64 // of Active, share of units that hold a weight
	Bytes   float64 // from the weight memory
	UBBytes float64 // unified buffer, read and written
	MACs    float64
}

// tileClock is the state of the weight path.
type tileClock struct {
	t       *TPU
	fetched float64   // when memory has delivered the last tile
	freed   []float64 // when the FIFO's places become free, a ring
	i       int
	shifted float64 // when the last tile was in place beside the active one
	end     float64 // when the array is done with the active tile
	begin   float64 // when it began it
}

// tile runs one tile for a number of cycles, not before ready.
func (c *tileClock) tile(run *TPURun, cycles, ready float64) {
	t := c.t
	slot := c.i % len(c.freed)
	c.i++
	arrive := max(c.fetched, c.freed[slot]) + t.fetch()
	// The shadow registers are free once the tile before has become active.
	shift := max(arrive, c.begin)
	done := shift + float64(t.ShiftCycles)
	c.fetched, c.freed[slot] = arrive, done
	start := max(done, c.end, ready)
	// Why the array was idle: first the results it depends on, then weights that
	// had not come, then their way into the array.
	at := max(c.end, min(ready, start))
	run.Sync += at - c.end
	if shift > at {
		run.Stall += shift - at
		at = shift
	}
	run.Shift += start - at
	c.begin, c.end, c.shifted = start, start+cycles, done
	run.Active += cycles
	run.Tiles++
}

// Run runs a job. Edge tiles are fetched, shifted and multiplied whole.
func (t *TPU) Run(j TPUJob) TPURun {
	var run TPURun
	c := tileClock{t: t, freed: make([]float64, max(1, t.FIFOTiles))}
	hostIn := 0.0
	if j.InBytes > 0 {
		hostIn = j.InBytes / t.HostRate * t.Hz
	}
	c.end = hostIn // weights are fetched meanwhile
	run.Host = hostIn
	ready := hostIn
	useful := 0.0
	block := max(1, t.Accumulators/2)
	for _, l := range j.Layers {
		rows := ceilDiv(l.Rows, max(1, t.Cores))
		if l.K > 0 {
			kt, nt := ceilDiv(l.K, t.Rows), ceilDiv(l.N, t.Cols)
			share := float64(l.K) * float64(l.N) / (float64(kt*t.Rows) * float64(nt*t.Cols))
			for left := rows; left > 0; left -= block {
				cycles := float64(min(left, block) * max(1, l.Passes))
				for range kt * nt {
					c.tile(&run, cycles, ready)
					useful += share * cycles
				}
			}
			run.MACs += float64(l.Rows) * float64(l.K) * float64(l.N)
			run.UBBytes += float64(l.Rows) * t.WeightBytes * (float64(l.K)*float64(nt) + float64(l.N))
		}
		ready = max(ready, c.end) + float64(t.SyncCycles)
	}
	// The last results pass the same way; then they leave for the host.
	run.Sync += max(0, ready-c.end)
	run.Cycles = max(ready, c.end)
	if j.OutByte > 0 {
		out := j.OutByte / t.HostRate * t.Hz
		run.Host += out
		run.Cycles += out
	}
	if run.Active > 0 {
		run.Useful = useful / run.Active
	}
	run.Bytes = float64(run.Tiles) * float64(t.Rows*t.Cols) * t.WeightBytes * float64(max(1, t.Cores))
	return run
}

// Closed is the closed form beside Run. A layer takes the way of its weights from
// memory, or the wait for the layer before (the first: for the host) and then the
// array's work or the weights that the FIFO does not hold, whichever is longer.
func (t *TPU) Closed(j TPUJob) float64 {
	fetch := t.fetch()
	block := max(1, t.Accumulators/2)
	wait := j.InBytes / t.HostRate * t.Hz
	total, first, last := 0.0, 0.0, 0.0
	for _, l := range j.Layers {
		if l.K == 0 {
			total, wait = total+wait, float64(t.SyncCycles)
			continue
		}
		rows := ceilDiv(l.Rows, max(1, t.Cores))
		n := float64(ceilDiv(l.K, t.Rows) * ceilDiv(l.N, t.Cols))
		work, tiles := n*float64(rows*max(1, l.Passes)), n*float64(ceilDiv(rows, block))
		total += max(tiles*fetch, wait+max(work, (tiles-float64(t.FIFOTiles))*fetch))
		if first == 0 && work > tiles*fetch {
			first = fetch
		}
		last = 0
		if work < tiles*fetch {
			last = work / tiles
		}
		wait = float64(t.SyncCycles)
	}
	return total + first + last + float64(t.ShiftCycles) + wait + j.OutByte/t.HostRate*t.Hz
}
