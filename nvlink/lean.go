package nvlink

import (
	"encoding/binary"
	"math"
)

// leaner leaves out of uses what can never be the limit: of resources that
// all flows use alike, such as the links to the six switches of a board, one
// stands for all.
type leaner struct {
	shares *sharer
	known  [][]use
	sign   map[int][]byte // of a resource: who uses it and with which weight
}

// learn takes note of how a kind of flow uses resources; it gives the place
// under which leaned finds it again.
func (l *leaner) learn(uses []use) int {
	at := len(l.known)
	l.known = append(l.known, uses)
	for _, u := range uses {
		s := binary.LittleEndian.AppendUint32(l.sign[u.res], uint32(at))
		l.sign[u.res] = binary.LittleEndian.AppendUint64(s, math.Float64bits(u.weight/l.shares.capacity[u.res]))
	}
	return at
}

// leaned gives each kind of flow with one resource of each signature.
func (l *leaner) leaned() [][]use {
	first := map[string]int{}
	out := make([][]use, len(l.known))
	for at, uses := range l.known {
		for _, u := range uses {
			s := string(l.sign[u.res])
			if _, ok := first[s]; !ok {
				first[s] = u.res
			}
			if first[s] == u.res {
				out[at] = append(out[at], u)
			}
		}
	}
	return out
}
