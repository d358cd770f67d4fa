package workloads

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Collective is an operation over the memories of several GPUs, or a copy
// between two of them.
type Collective struct {
	Op     string // allreduce, reducescatter, allgather, broadcast, alltoall, halo, p2p
	Size   int64  // in bytes, of the whole buffer of a rank: what is reduced, gathered or sent
	GPUs   int
	DType  string
	Algo   string // forces an algorithm: ring, tree, halving, in_switch; empty lets the library choose
	Proto  string // forces a protocol: simple, ll, ll128
	Root   int    // of a broadcast
	Direct bool   // one process holds all GPUs, so that results are written where they belong
	Src    int    // of a copy
	Dst    int
	Dir    string // of a copy: write (the source's GPU pushes), read (the destination's pulls)
	Both   bool   // copies go both ways at once
	Via    string // of a copy: peer, or host through its memory
}

// KindCollective is the kind of collectives and copies.
const KindCollective = "collective"

// Operations.
const (
	AllReduce     = "allreduce"
	ReduceScatter = "reducescatter"
	AllGather     = "allgather"
	Broadcast     = "broadcast"
	AllToAll      = "alltoall"
	HaloExchange  = "halo" // each sends bytes to either neighbour in a ring
	PointToPoint  = "p2p"
)

// maxCollectiveBytes bounds a buffer.
const maxCollectiveBytes = 1 << 50

// OfCollective checks a collective and fills in what is left empty.
func OfCollective(c Collective) (Workload, error) {
	fail := func(format string, a ...any) (Workload, error) {
		return Workload{}, &Error{Text: c.typed(), Reason: fmt.Sprintf(format, a...)}
	}
	if c.DType == "" {
		c.DType = "fp32"
	}
	var err error
	if c.DType, err = DType(c.DType); err != nil {
		return fail("%v", err)
	}
	size := int64(elemBytes[c.DType])
	if c.Size < 1 || c.Size > maxCollectiveBytes {
		return fail("bytes=%d is out of range (allowed 1..%d)", c.Size, int64(maxCollectiveBytes))
	}
	if c.Op == PointToPoint {
		return c.copyOf(fail)
	}
	switch {
	case c.GPUs < 2 || c.GPUs > 1<<20:
		return fail("gpus=%d is out of range (allowed 2..%d)", c.GPUs, 1<<20)
	case c.Size%size != 0:
		return fail("bytes=%d is not a multiple of the %d of %s", c.Size, size, c.DType)
	case c.Op != AllReduce && c.Op != Broadcast && c.Op != HaloExchange && c.Size%(size*int64(c.GPUs)) != 0:
		return fail("bytes=%d is not a multiple of %d GPUs x %d bytes of %s", c.Size, c.GPUs, size, c.DType)
	case c.Root < 0 || c.Root >= c.GPUs:
		return fail("root=%d is out of range (allowed 0..%d)", c.Root, c.GPUs-1)
	case c.Algo != "" && !contains(algorithms, c.Algo):
		return fail("algo=%s (allowed: %s)", c.Algo, strings.Join(algorithms, ", "))
	case c.Algo != "" && c.Algo != "ring" && c.Op != AllReduce:
		return fail("algo=%s: only allreduce has it", c.Algo)
	case c.Proto != "" && !contains(protocols, c.Proto):
		return fail("proto=%s (allowed: %s)", c.Proto, strings.Join(protocols, ", "))
	}
	return Of(&c), nil
}

var (
	algorithms = []string{"ring", "tree", "halving", "in_switch"}
	protocols  = []string{"simple", "ll", "ll128"}
)

// copyOf checks a copy.
func (c Collective) copyOf(fail func(string, ...any) (Workload, error)) (Workload, error) {
	if c.Dst == c.Src {
		return fail("src and dst are both %d", c.Src)
	}
	if c.Dir == "" {
		c.Dir = "write"
	}
	if c.Via == "" {
		c.Via = "peer"
	}
	switch {
	case c.Src < 0 || c.Dst < 0 || max(c.Src, c.Dst) >= 1<<20:
		return fail("src=%d, dst=%d are out of range (allowed 0..%d)", c.Src, c.Dst, 1<<20-1)
	case c.Dir != "write" && c.Dir != "read":
		return fail("dir=%s (allowed: write, read)", c.Dir)
	case c.Via != "peer" && c.Via != "host":
		return fail("via=%s (allowed: peer, host)", c.Via)
	}
	c.GPUs = 2
	return Of(&c), nil
}

// String gives the canonical form.
func (c *Collective) String() string {
	s := c.typed() + ",dtype=" + c.DType
	if c.Op == PointToPoint {
		s = fmt.Sprintf("p2p:bytes=%d,src=%d,dst=%d,dir=%s,via=%s", c.Size, c.Src, c.Dst, c.Dir, c.Via)
		if c.Both {
			s += ",both=true"
		}
		return s
	}
	for _, k := range []struct{ key, value string }{{"algo", c.Algo}, {"proto", c.Proto}} {
		if k.value != "" {
			s += "," + k.key + "=" + k.value
		}
	}
	if c.Op == Broadcast {
		s += ",root=" + strconv.Itoa(c.Root)
	}
	if c.Direct {
		s += ",direct=true"
	}
	return s
}

// typed is the collective as far as it is known, for error messages.
func (c *Collective) typed() string {
	if c.Op == PointToPoint {
		return fmt.Sprintf("p2p:bytes=%d,src=%d,dst=%d", c.Size, c.Src, c.Dst)
	}
	return fmt.Sprintf("%s:bytes=%d,gpus=%d", c.Op, c.Size, c.GPUs)
}

// Short leaves out defaults.
func (c *Collective) Short() string {
	s := strings.Replace(c.String(), fmt.Sprintf("bytes=%d", c.Size), "bytes="+sizeText(c.Size), 1)
	for _, d := range []string{",dtype=fp32", ",root=0", ",dir=write", ",via=peer"} {
		s = strings.Replace(s, d, "", 1)
	}
	return s
}

// Ops counts the additions; copies have none.
func (c *Collective) Ops() int64 {
	switch c.Op {
	case AllReduce, ReduceScatter:
		return c.Size / int64(elemBytes[c.DType]) * int64(c.GPUs-1)
	}
	return 0
}

// Bytes are those of the buffers of all ranks.
func (c *Collective) Bytes() float64 { return float64(c.Size) * float64(c.GPUs) }

// Type is the type of the elements.
func (c *Collective) Type() string { return c.DType }

// Batches is one.
func (c *Collective) Batches() int { return 1 }

// Unforced leaves out algorithm and protocol.
func (c *Collective) Unforced() Shape {
	u := *c
	u.Algo, u.Proto = "", ""
	return &u
}

// BusFactor turns bytes over time into the bandwidth that each link must
// have, as nccl-tests define it (doc/PERFORMANCE.md).
func (c *Collective) BusFactor() float64 {
	n := float64(c.GPUs)
	switch c.Op {
	case AllReduce:
		return 2 * (n - 1) / n
	case ReduceScatter, AllGather, AllToAll:
		return (n - 1) / n
	}
	return 1
}

var sizeUnits = []struct {
	name string
	size float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// parseSize reads "64MiB", "12.4 MB" or "400000".
func parseSize(key, text string) (int64, error) {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		number = strings.TrimSpace(number)
		if v, err := strconv.ParseInt(number, 10, 64); err == nil && v >= 0 && float64(v)*u.size <= maxCollectiveBytes {
			return v * int64(u.size), nil
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || v < 0 || v*u.size > maxCollectiveBytes || v*u.size != math.Trunc(v*u.size) {
			break
		}
		return int64(v * u.size), nil
	}
	return 0, fmt.Errorf("%s=%s is not a size of whole bytes up to 1 PiB (units: B, kB, MB, GB, KiB, MiB, GiB)", key, text)
}

// sizeText writes a size in the largest binary unit that divides it.
func sizeText(v int64) string {
	for _, u := range []int{3, 2, 1} {
		if n := int64(1) << (10 * u); v >= n && v%n == 0 {
			return fmt.Sprintf("%d%ciB", v/n, " KMG"[u])
		}
	}
	return strconv.FormatInt(v, 10)
}

// collectiveKind reads what stands behind the name of an operation.
func collectiveKind(op, meaning, example string, more ...Form) kind {
	keys := []string{"bytes", "gpus", "dtype", "algo", "proto", "root", "direct"}
	needed := keys[:2]
	if op == PointToPoint {
		keys = []string{"bytes", "src", "dst", "dir", "both", "via"}
		needed = keys[:1]
	}
	return kind{
		name: op,
		parse: func(rest string) (Workload, error) {
			c := Collective{Op: op, Dst: 1}
			if err := pairs(rest, keys, needed, map[string]bool{}, c.set); err != nil {
				return Workload{}, err
			}
			return OfCollective(c)
		},
		forms: append([]Form{{op + ":" + example, meaning}}, more...),
	}
}

// set assigns one key.
func (c *Collective) set(key, value string) (err error) {
	for _, k := range []struct {
		key string
		to  *int
	}{{"gpus", &c.GPUs}, {"root", &c.Root}, {"src", &c.Src}, {"dst", &c.Dst}} {
		if k.key == key {
			if *k.to, err = strconv.Atoi(value); err != nil {
				err = fmt.Errorf("%s=%s is not a whole number", key, value)
			}
			return err
		}
	}
	switch key {
	case "bytes":
		c.Size, err = parseSize(key, value)
	case "dtype":
		c.DType, err = DType(value)
	case "algo":
		c.Algo = strings.ToLower(value)
	case "proto":
		c.Proto = strings.ToLower(value)
	case "dir":
		c.Dir = strings.ToLower(value)
	case "via":
		c.Via = strings.ToLower(value)
	case "both":
		c.Both, err = flag(key, value)
	case "direct":
		c.Direct, err = flag(key, value)
	}
	return err
}

func flag(key, value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s=%s is neither true nor false", key, value)
}
