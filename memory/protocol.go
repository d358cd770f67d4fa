// Package memory models everything below the SM: crossbar, sliced L2 and
// DRAM, as one Akita component per GPU.
package memory

import akita "github.com/sarchlab/akita/v3/sim"

// Kind says what a request wants.
type Kind uint8

// Request kinds.
const (
	Read   Kind = iota // wants a reply when all sectors are in the SM
	Write              // acknowledged with one reply when all sectors are at L2 (for MEMBAR and kernel end)
	Atomic             // read-modify-write at the slice; acknowledged like a write
	Signal             // adds one to semaphore Line (an index, not an address); acknowledged
	Wait               // replies when semaphore Line equals Value
	Jump               // says that the SM has left a part of its work out, the Line-th; has no reply
)

// Request is one line of one warp instruction on its way from an SM to L2.
type Request struct {
	Cycle   uint64 // SM cycle at which it leaves the L1, non-decreasing within a batch
	Line    uint64 // line address (multiple of the line size); semaphore index for Signal and Wait
	Tag     uint32 // given back in the reply
	Value   int32  // Wait: the awaited value; Read for a peer: the tag of its reply, beside PeerTag
	Sectors uint8  // mask of 32-byte sectors
	Kind    Kind
	Bytes   uint16 // of a read: given back in the reply
	Peer    int16  // of a read: number + 1 of another SM of the GPC that gets the data too; 0: none
	Aside   bool   // of a read: of what main loops do not read; its misses are counted apart as well
}

// PeerTag marks the tags of replies to peers.
const PeerTag = 1 << 31

// Reply tells an SM that a request will be complete at cycle Ready. It is
// announced as soon as that is decided, always before the SM reaches Ready.
type Reply struct {
	Ready uint64
	Tag   uint32
	Bytes uint16
}

// RequestBatch carries the requests that one SM made in one bulk step.
type RequestBatch struct {
	akita.MsgMeta
	SM       int
	Requests []Request
}

// Meta gives Akita access to the message's header.
func (b *RequestBatch) Meta() *akita.MsgMeta { return &b.MsgMeta }

// ReplyBatch carries the replies for one SM that were decided together.
type ReplyBatch struct {
	akita.MsgMeta
	Replies []Reply
}

// Meta gives Akita access to the message's header.
func (b *ReplyBatch) Meta() *akita.MsgMeta { return &b.MsgMeta }
