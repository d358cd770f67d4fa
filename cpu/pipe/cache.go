package pipe

// cache is a set-associative cache with least-recently-used replacement.
type cache struct {
	sets, ways int
	lines      []entry // most recent first within a set
}

type entry struct {
	tag   uint64 // line number + 1; 0: empty
	ready int64  // cycle in which its data are there
	from  int    // level that they come from
}

func newCache(l Level, lineBytes int) *cache {
	if l.Bytes == 0 {
		return nil
	}
	ways := max(1, l.Ways)
	sets := max(1, l.Bytes/lineBytes/ways)
	return &cache{sets: sets, ways: ways, lines: make([]entry, sets*ways)}
}

// find moves a line to the front and gives it; nil if the cache lacks it.
func (c *cache) find(line uint64) *entry {
	if c == nil {
		return nil
	}
	base := int(line%uint64(c.sets)) * c.ways
	set := c.lines[base : base+c.ways]
	if set[0].tag == line+1 {
		return &set[0]
	}
	for i := 1; i < len(set); i++ {
		if set[i].tag == line+1 {
			e := set[i]
			copy(set[1:i+1], set[:i])
			set[0] = e
			return &set[0]
		}
	}
	return nil
}

// put adds a line in front; the oldest of its set leaves.
func (c *cache) put(line uint64, ready int64, from int) {
	if c == nil {
		return
	}
	base := int(line%uint64(c.sets)) * c.ways
	set := c.lines[base : base+c.ways]
	copy(set[1:], set[:len(set)-1])
	set[0] = entry{line + 1, ready, from}
}
