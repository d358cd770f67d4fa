package sm

import "gpusim/memory"

// PeerSignal is what an SM tells a barrier of another CTA of its cluster, or what it asks
// of that CTA's shared memory or answers.
type PeerSignal struct {
	Cycle    uint64 // at which it takes effect
	SM       int
	From     int    // who asks
	Tag      uint32 // of the load that asks
	Kind     peerKind
	Cluster  int // in the grid
	Rank     int
	Barrier  int
	Arrivals int32
	Bytes    int32
}

type peerKind uint8

const (
	peerBarrier peerKind = iota
	peerLoad             // a load from shared memory asks
	peerData             // and is answered
)

// The tag of a reply that another SM of the cluster has asked for is PeerTag, the
// cluster's number in the grid and, in so many bits, the barrier.
const barrierBit = 8

// remove forgets a CTA.
func (a *asyncUnits) remove(b *cta) {
	for i, r := range a.residents {
		if r == b {
			a.residents = append(a.residents[:i], a.residents[i+1:]...)
		}
	}
}

// fromPeer brings bytes to the barrier of a CTA for which another SM has asked.
func (c *Core) fromPeer(r memory.Reply) {
	tag := r.Tag &^ memory.PeerTag
	if b := c.member(int(tag >> barrierBit)); b != nil {
		c.counts.wide(1)
		c.signal(b, int(tag&(1<<barrierBit-1)), 0, -int32(r.Bytes), r.Ready)
	}
}

// member is the resident CTA of a cluster.
func (c *Core) member(cluster int) *cta {
	for _, b := range c.async.residents {
		if b.Index/c.kernel.Cluster == cluster {
			return b
		}
	}
	return nil
}

// tellPeers sends a signal to the same barrier of the cluster's other CTAs.
func (c *Core) tellPeers(b *cta, bar int, arrivals, bytes int32, at uint64) {
	for r := range c.kernel.Cluster {
		if r == int(b.Rank) || c.kernel.Cluster < 2 {
			continue
		}
		c.async.out = append(c.async.out, PeerSignal{
			Cycle: at + c.async.toPeer, SM: c.async.id + r - int(b.Rank), Cluster: b.Index / c.kernel.Cluster, Rank: r,
			Barrier: bar, Arrivals: arrivals, Bytes: bytes,
		})
	}
}

// Hear takes a signal of another SM, at a cycle that this one has not reached.
func (c *Core) Hear(p PeerSignal) {
	switch p.Kind {
	case peerLoad: // its shared memory answers beside what the SM itself asks of it
		p.Cycle += uint64(c.spec.MIO.SharedLatency) + c.async.toPeer
		p.SM, p.Kind = p.From, peerData
		c.async.out = append(c.async.out, p)
		return
	case peerData:
		c.loads--
		e := c.miss[p.Tag]
		c.freeMiss(p.Tag)
		c.arrive(&e, p.Cycle)
		return
	}
	if b := c.member(p.Cluster); b != nil {
		c.signal(b, p.Barrier, p.Arrivals, p.Bytes, p.Cycle)
	}
}

// askPeer asks another SM of the cluster for what its shared memory holds.
func (c *Core) askPeer(w *warp, u *uop, at uint64) {
	n := c.kernel.Cluster
	rank := (int(w.cta.Rank) + c.kernel.Accesses[u.access].Peer) % n
	w.expect(u.wr - 1)
	c.loads++
	c.async.out = append(c.async.out, PeerSignal{
		Cycle: at + c.async.toPeer, SM: c.async.id + rank - int(w.cta.Rank), From: c.async.id, Kind: peerLoad,
		Tag: c.newMiss(missEntry{kind: missLoad, warp: w, gen: w.gen, bar: u.wr - 1, slot: noSlot}),
	})
}
