package tile

// DeviceBase is where the first tensor of a call lies. Any address with its
// alignment would do: what matters to caches and DRAM is the distance between
// tensors.
const DeviceBase = 1 << 32

// Heap gives out device memory as the CUDA allocator does: allocations of 1 MiB and
// more begin on their own 2 MiB page, smaller ones on 512-byte boundaries. The
// zero value is empty.
type Heap struct{ used uint64 }

// Place gives a tensor its address, behind all that were placed before.
func (h *Heap) Place(t *Tensor) {
	align := uint64(512)
	if t.Bytes >= 1<<20 {
		align = 2 << 20
	}
	t.Base = (DeviceBase + h.used + align - 1) / align * align
	h.used = t.Base + uint64(t.Bytes) - DeviceBase
}
