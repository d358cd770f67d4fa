package configs

import "fmt"

func (c *checker) dram(d *DRAM, line int) {
	burst := int64(d.ChannelBits/8) * int64(d.BurstLength)
	c.multiple("gpu.dram.channel_bits", int64(d.ChannelBits), 8, "a byte")
	c.that(burst > 0 && int64(line)%burst == 0, "gpu.dram.burst_length", "a burst of %d bytes does not divide gpu.l2.line_bytes = %d", burst, line)
	c.multiple("gpu.dram.row_bytes", int64(d.RowBytes), int64(line), "gpu.l2.line_bytes")
	banks := int64(d.Ranks * d.BankGroups * d.BanksPerGroup)
	c.multiple("gpu.dram.size", int64(d.Size), int64(d.Channels)*banks*int64(d.RowBytes), "channels x ranks x banks x row_bytes")
	t, key := &d.Timing, "gpu.dram.timing."
	c.that(t.CCDS >= d.BurstClocks(), key+"tCCD_S", "%d is below burst_length / transfers_per_clock = %d: bursts would overlap on the data bus", t.CCDS, d.BurstClocks())
	for _, p := range []struct {
		long, short string
		l, s        int
	}{
		{"tCCD_L", "tCCD_S", t.CCDL, t.CCDS},
		{"tRRD_L", "tRRD_S", t.RRDL, t.RRDS},
		{"tWTR_L", "tWTR_S", t.WTRL, t.WTRS},
		{"tFAW", "tRRD_S", t.FAW, t.RRDS},
		{"tRAS", "tRCDRD", t.RAS, t.RCDRD},
	} {
		c.that(p.l >= p.s, key+p.long, "%d is below %s = %d", p.l, p.short, p.s)
	}
	c.that(t.REFI > t.RFC, key+"tREFI", "%d is not above tRFC = %d: the channel would do nothing but refresh", t.REFI, t.RFC)
}

func (c *checker) cpu(p *CPU, tdp Power) {
	c.that(p.Clock.Scalar >= p.Clock.Vector, "cpu.clock.vector", "%v is above scalar = %v", p.Clock.Vector, p.Clock.Scalar)
	c.that(p.Clock.Scalar >= p.Clock.Base, "cpu.clock.scalar", "%v is below base = %v", p.Clock.Scalar, p.Clock.Base)
	c.multiple("cpu.issue.vector_bits", int64(p.Issue.VectorBits), 32, "a lane of fp32")
	c.that(p.IdlePower <= tdp, "cpu.idle_power", "%v is above tdp = %v", p.IdlePower, tdp)
	c.that(len(p.Caches) > 0, "cpu.caches", "the list is empty: a CPU needs a cache")
	names := make([]string, len(p.Caches))
	for i := range p.Caches {
		k, key := &p.Caches[i], fmt.Sprintf("cpu.caches.%d.", i)
		names[i] = k.Name
		c.powerOfTwo(key+"line_bytes", k.LineBytes)
		c.multiple(key+"size", int64(k.Size), int64(k.Ways*k.LineBytes), "ways x line_bytes")
		if i == 0 {
			continue
		}
		up := &p.Caches[i-1]
		c.that(k.LineBytes == up.LineBytes, key+"line_bytes", "%d differs from %s's %d", k.LineBytes, up.Name, up.LineBytes)
		c.that(k.Latency > up.Latency, key+"latency", "%d is not above %s's %d, though it lies behind it", k.Latency, up.Name, up.Latency)
		c.that(k.Size >= up.Size, key+"size", "%v is smaller than %s's %v, though it lies behind it", k.Size, up.Name, up.Size)
		c.that(k.Shared || !up.Shared, key+"shared", "a private cache stands behind the shared %s", up.Name)
	}
	for i, n := range names {
		c.that(!contains(names[:i], n), fmt.Sprintf("cpu.caches.%d.name", i), "%q stands twice in the list", n)
	}
}
