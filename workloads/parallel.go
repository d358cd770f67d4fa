package workloads

import (
	"fmt"
	"strconv"
	"strings"

	"gpusim/workloads/graph"
)

// Parallel is how a network is spread over the GPUs of a system: Data replicas,
// each in Pipeline stages, each of whose layers Tensor GPUs share. The batch of
// the network is that of one replica, so of one GPU where there are only replicas.
// Zero is one device of its own, without a system.
type Parallel struct {
	GPUs     int // Data x Tensor x Pipeline
	Data     int
	Tensor   int
	Pipeline int
	Micro    int    // microbatches that a replica's batch is cut into
	Schedule string // of microbatches: 1f1b, gpipe
	Bucket   int64  // bytes of gradients that are summed at a time
	Grads    string // type in which they are summed
}

// Schedules of pipelines.
const (
	Schedule1F1B  = "1f1b"  // a stage goes back with a microbatch as soon as it can (Narayanan et al. 2019)
	ScheduleGPipe = "gpipe" // all go forward before the first goes back (Huang et al. 2019)
)

var (
	schedules    = []string{Schedule1F1B, ScheduleGPipe}
	gradTypes    = []string{"fp32", "fp16", "bf16"}
	parallelKeys = []string{"gpus", "data", "tensor", "pipeline", "micro", "schedule", "bucket", "grads"}
)

// defaultBucket is that of PyTorch's DistributedDataParallel (bucket_cap_mb=25).
const defaultBucket = 25 << 20

// On says whether the network runs on a system.
func (p *Parallel) On() bool { return p.GPUs > 0 }

// set assigns one key; false if it is none of these.
func (p *Parallel) set(key, value string) (ok bool, err error) {
	sizes := map[string]*int{"gpus": &p.GPUs, "data": &p.Data, "tensor": &p.Tensor, "pipeline": &p.Pipeline, "micro": &p.Micro}
	if to, ok := sizes[key]; ok {
		*to, err = dim(key, value)
		return true, err
	}
	switch key {
	case "schedule":
		p.Schedule = strings.ToLower(value)
	case "bucket":
		p.Bucket, err = parseSize(key, value)
		if err == nil && p.Bucket == 0 {
			err = fmt.Errorf("bucket=%s: it holds nothing", value)
		}
	case "grads":
		p.Grads, err = DType(value)
	default:
		return false, nil
	}
	return true, err
}

// complete checks and fills in what is left empty.
func (p *Parallel) complete(batch int, phase, plain string) error {
	if *p == (Parallel{}) {
		return nil
	}
	for _, k := range []*int{&p.Tensor, &p.Pipeline} {
		*k = max(1, *k)
	}
	if p.GPUs == 0 {
		p.GPUs = max(1, p.Data) * p.Tensor * p.Pipeline
	}
	if p.Data == 0 {
		p.Data = max(1, p.GPUs/(p.Tensor*p.Pipeline))
	}
	train := phase == PhaseTrain
	switch {
	case p.GPUs > 1<<20:
		return fmt.Errorf("gpus=%d is out of range (allowed 1..%d)", p.GPUs, 1<<20)
	case p.Data*p.Tensor*p.Pipeline != p.GPUs:
		return fmt.Errorf("gpus=%d is not data=%d x tensor=%d x pipeline=%d", p.GPUs, p.Data, p.Tensor, p.Pipeline)
	case p.Schedule != "" && !contains(schedules, p.Schedule):
		return fmt.Errorf("schedule=%s (allowed: %s)", p.Schedule, strings.Join(schedules, ", "))
	case p.Schedule != "" && !(p.Pipeline > 1 && train):
		return fmt.Errorf("schedule=%s is for training in pipeline stages", p.Schedule)
	case !train && (p.Bucket != 0 || p.Grads != ""):
		return fmt.Errorf("bucket and grads are for phase=train")
	case p.Grads != "" && !contains(gradTypes, p.Grads):
		return fmt.Errorf("grads=%s (allowed: %s)", p.Grads, strings.Join(gradTypes, ", "))
	}
	if p.Micro == 0 {
		p.Micro = 1
		if p.Pipeline > 1 { // the most, up to the stages, that cut the batch evenly
			for p.Micro = min(p.Pipeline, batch); batch%p.Micro != 0; p.Micro-- {
			}
		}
	}
	if batch%p.Micro != 0 {
		return fmt.Errorf("batch=%d is not a multiple of micro=%d", batch, p.Micro)
	}
	if train && p.Pipeline > 1 && p.Schedule == "" {
		p.Schedule = Schedule1F1B
	}
	if train && p.Bucket == 0 {
		p.Bucket = defaultBucket
	}
	if train && p.Grads == "" {
		p.Grads = plain
	}
	return nil
}

// text gives the keys behind a comma; defaults are left out when short. plain is
// the type of the network's activations.
func (p *Parallel) text(short bool, plain string) (s string) {
	if !p.On() {
		return ""
	}
	s = ",gpus=" + strconv.Itoa(p.GPUs)
	for _, k := range []struct {
		key string
		v   int
	}{{"tensor", p.Tensor}, {"pipeline", p.Pipeline}} {
		if k.v > 1 {
			s += "," + k.key + "=" + strconv.Itoa(k.v)
		}
	}
	if p.Pipeline > 1 || p.Micro > 1 {
		s += ",micro=" + strconv.Itoa(p.Micro)
	}
	if p.Schedule != "" && !(short && p.Schedule == Schedule1F1B) {
		s += ",schedule=" + p.Schedule
	}
	if p.Bucket != 0 && !(short && p.Bucket == defaultBucket) {
		s += ",bucket=" + sizeText(p.Bucket)
	}
	if p.Grads != "" && !(short && p.Grads == plain) {
		s += ",grads=" + p.Grads
	}
	return s
}

// Stage is what one of a pipeline's stages runs.
type Stage struct {
	Forward    []NetLayer // of one microbatch
	Backward   []NetLayer
	Accumulate []NetLayer // behind each further microbatch: its gradients are added to those before
	Update     []NetLayer
	Parameters int64
	Memory     graph.Memory
	Sends      int64 // bytes of the activation that goes to the next stage, of one microbatch; 0: there is none
}

// InFlight is how many microbatches a stage holds activations of at its peak.
func (p *Parallel) InFlight(stage int) int {
	if p.Schedule == ScheduleGPipe {
		return p.Micro
	}
	return min(p.Micro, p.Pipeline-stage)
}

// spread lowers a graph of one microbatch in stages.
func (n *Network) spread(g *graph.Graph, o graph.Options) error {
	p := &n.Parallel
	if o.Optimizer == "" {
		o.Optimizer = g.DefaultOptimizer()
	}
	parts, err := g.Stages(p.Pipeline)
	if err != nil {
		return err
	}
	n.MACs, n.Parameters, n.Memory = n.MACs*int64(p.Micro), 0, graph.Memory{}
	n.Stages, n.Layers = make([]Stage, len(parts)), nil
	works := map[string]Workload{}
	for i, part := range parts {
		s := &n.Stages[i]
		steps, err := part.Lower(o)
		if err != nil {
			return err
		}
		s.Parameters, s.Memory = part.Parameters(), part.Memory(o)
		s.Memory.Activations *= int64(p.InFlight(i))
		if i+1 < len(parts) {
			s.Sends = part.Outputs[0].Elements() * int64(elemBytes[activationType(n.DType)])
		}
		n.Parameters += s.Parameters
		if s.Memory.Total() > n.Memory.Total() {
			n.Memory = s.Memory
		}
		if o.Train && p.Micro > 1 && s.Parameters > 0 {
			steps = append(steps, graph.Step{
				Layer: "accumulate", Count: 1, Pass: accumulate,
				Work: fmt.Sprintf("elementwise:op=add,size=%d,dtype=%s", s.Parameters, activationType(n.DType)),
			})
		}
		for _, step := range steps {
			w, ok := works[step.Work]
			if !ok {
				if w, err = Parse(step.Work); err != nil {
					return fmt.Errorf("layer %q: %w", step.Layer, err)
				}
				works[step.Work] = w
			}
			l := NetLayer{Name: step.Layer, Work: w, Count: step.Count, Grad: step.Grad}
			times := p.Micro
			switch step.Pass {
			case graph.Forward:
				s.Forward = append(s.Forward, l)
			case graph.Backward:
				s.Backward = append(s.Backward, l)
			case graph.Update:
				s.Update, times = append(s.Update, l), 1
			case accumulate:
				s.Accumulate, times = append(s.Accumulate, l), p.Micro-1
			}
			if len(parts) > 1 {
				l.Name = fmt.Sprintf("stage%d/%s", i, l.Name)
			}
			l.Count *= times
			n.Layers = append(n.Layers, l)
		}
	}
	return nil
}

// accumulate marks the sum of microbatches' gradients among a stage's steps.
const accumulate graph.Pass = 255

// activationType is the type of what is no product in a network.
func activationType(dtype string) string {
	switch dtype {
	case "tf32":
		return "fp32"
	case "int8", "int4", "int1":
		return "fp16"
	}
	return dtype
}
