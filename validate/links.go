package validate

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/nvlink"
	"gpusim/workloads"
)

// Columns that make a table one of measured all-reduces or copies.
var (
	allReduceColumns = []string{"device", "system", "gpus", "bytes", "time_us", "source"}
	copyColumns      = []string{"device", "system", "metric", "path", "value", "unit"}
)

// reading turns a simulation into a row's figure.
type reading func(*gpusim.Result) float64

func timeUS(r *gpusim.Result) float64 { return r.TimeUS }

// systemOf is the system that answers to a row: its file's name, or what the
// row says if there is none.
func (t *Tables) systemOf(device, system string) (string, *configs.Machine) {
	name, ok := configs.ForSystem(device, system)
	if !ok {
		return device + ", " + system, nil
	}
	if _, known := t.systems[name]; !known {
		if t.systems == nil {
			t.systems = map[string]*configs.Machine{}
		}
		t.systems[name], _ = configs.Load(name, nil) // whoever simulates the row is told
	}
	return name, t.systems[name]
}

var nodesPattern = regexp.MustCompile(`(\d+) node`)

// addAllReduces reads a table of measured all-reduces.
func (t *Tables) addAllReduces(tab *workloads.Table) error {
	for i, rec := range tab.Rows {
		get := func(column string) string { return tab.Field(rec, column) }
		fail := func(format string, a ...any) error {
			return &workloads.Error{File: tab.File, Line: tab.Line(i), Reason: fmt.Sprintf(format, a...)}
		}
		if get("device") == "" {
			return fail("device: empty")
		}
		gpus, err := strconv.Atoi(get("gpus"))
		if err != nil || gpus < 1 {
			return fail("gpus: %q is not a number of GPUs", get("gpus"))
		}
		bytes, err := strconv.ParseInt(get("bytes"), 10, 64)
		if err != nil || bytes < 1 {
			return fail("bytes: %q is not a number of bytes", get("bytes"))
		}
		time, err := positive(get("time_us"))
		if err != nil {
			return fail("time_us: %v", err)
		}
		system := get("system")
		r := row{file: tab.File, line: tab.Line(i), class: system, metric: "time_us", measured: time, reading: timeUS}
		var m *configs.Machine
		r.device, m = t.systemOf(get("device"), system)
		if reason := notSimulated(m, system, gpus); reason != "" {
			t.skipped = append(t.skipped, Skip{tab.File, r.line, reason})
			continue
		}
		c := workloads.Collective{Op: workloads.AllReduce, Size: bytes, GPUs: gpus, Direct: strings.Contains(system, "Single"), Algo: strings.ToLower(get("algo"))}
		if bytes%4 != 0 {
			c.DType = "int8"
		}
		if r.work, err = workloads.OfCollective(c); err != nil {
			return fail("%v", err)
		}
		t.rows = append(t.rows, r)
	}
	return nil
}

// notSimulated says why a measured all-reduce cannot be judged.
func notSimulated(m *configs.Machine, system string, gpus int) string {
	switch {
	case gpus < 2:
		return "one GPU has nobody to reduce with"
	case strings.Contains(system, "Baidu"):
		return "Baidu's ring over MPI is not modelled"
	case strings.Contains(system, "OSU") || strings.Contains(system, "OpenMPI"):
		return "all-reduces of MPI libraries over GPUs are not modelled"
	case m == nil:
		return ""
	}
	if n := nodesPattern.FindStringSubmatch(system); n != nil {
		nodes, _ := strconv.Atoi(n[1])
		per := nvlink.PerNode(m.System)
		if used := (gpus + per - 1) / per; used != nodes {
			return fmt.Sprintf("%d GPUs on %d nodes: %s has %d a node, ranks fill one node after the other", gpus, nodes, m.Name, per)
		}
	}
	return ""
}

// copyBytes is large enough that what starting a copy takes does not count.
const copyBytes = 1 << 30

var (
	pairPattern  = regexp.MustCompile(`(?i)\bgpu ?(\d+) ?(?:-|->|to|>) ?(?:gpu ?)?(\d+)`)
	fromPattern  = regexp.MustCompile(`(?i)from gpus? (\d+)`)
	linksPattern = regexp.MustCompile(`(?i)\b(\d+) ?links?\b`)
)

// addCopies reads a table of bandwidths and latencies of copies.
func (t *Tables) addCopies(tab *workloads.Table) error {
	for i, rec := range tab.Rows {
		get := func(column string) string { return tab.Field(rec, column) }
		fail := func(format string, a ...any) error {
			return &workloads.Error{File: tab.File, Line: tab.Line(i), Reason: fmt.Sprintf(format, a...)}
		}
		value, err := positive(get("value"))
		switch {
		case get("device") == "":
			return fail("device: empty")
		case get("metric") == "":
			return fail("metric: empty")
		case err != nil:
			return fail("value: %v", err)
		}
		r := row{file: tab.File, line: tab.Line(i), measured: value}
		var m *configs.Machine
		r.device, m = t.systemOf(get("device"), get("system"))
		c := workloads.Collective{Op: workloads.PointToPoint, Dst: 1}
		skip := copyFromMetric(&c, &r, get("metric"), get("path"), get("unit"), get("system"))
		if skip == "" && m != nil {
			skip = pair(&c, m, get("path"))
		}
		if skip != "" {
			t.skipped = append(t.skipped, Skip{tab.File, r.line, skip})
			continue
		}
		if r.work, err = workloads.OfCollective(c); err != nil {
			return fail("%v", err)
		}
		t.rows = append(t.rows, r)
	}
	return nil
}

// pair finds the two GPUs that a path is about: named ones, the first of those
// named as sources and its neighbour, or the first two with so many links.
func pair(c *workloads.Collective, m *configs.Machine, path string) (skip string) {
	if p := pairPattern.FindStringSubmatch(path); p != nil {
		c.Src, c.Dst = atoi(p[1]), atoi(p[2])
	} else if p := fromPattern.FindStringSubmatch(path); p != nil {
		c.Src = atoi(p[1])
		c.Dst = c.Src + 1
	} else if p := linksPattern.FindStringSubmatch(path); p != nil {
		a, b, ok := nvlink.PairWithLinks(m.System, atoi(p[1]))
		if !ok {
			return fmt.Sprintf("%s has no two GPUs with %s links between them", m.Name, p[1])
		}
		c.Src, c.Dst = a, b
	}
	if c.Src == c.Dst {
		return "copies inside a GPU are not simulated"
	}
	return ""
}

// positive reads a number above 0.
func positive(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not a number above 0", text)
	}
	return v, nil
}

// copyFromMetric says what a metric of a table of copies asks for; skip is why
// it cannot be judged.
func copyFromMetric(c *workloads.Collective, r *row, metric, path, unit, system string) (skip string) {
	metric, path = strings.ToLower(metric), strings.ToLower(path)
	if strings.Contains(metric, "local") {
		return "copies inside a GPU are not simulated"
	}
	if strings.Contains(metric, "read") {
		c.Dir = "read"
	}
	if strings.Contains(metric, "disabled") || strings.Contains(path, "no p2p") || strings.Contains(path, "via host") {
		c.Via = "host"
	}
	switch {
	case strings.Contains(metric, "bandwidth") && unit == "GB/s":
		c.Size, r.metric, r.class = copyBytes, "gb_per_s", system+"/bandwidth"
		times := 1.0
		if c.Both = strings.Contains(metric, "bidirectional"); c.Both {
			times = 2 // tables give the sum of both directions
		}
		r.reading = func(res *gpusim.Result) float64 { return times * copyBytes / res.TimeUS / 1e3 }
	case strings.Contains(metric, "latency") && unit == "us":
		c.Size, r.metric, r.class, r.reading = 16, "time_us", system+"/latency", timeUS
	default:
		return fmt.Sprintf("metric %q in %q is not known (bandwidth in GB/s, latency in us)", metric, unit)
	}
	return ""
}
