package gpusim

import (
	"fmt"

	"gpusim/nvlink"
	"gpusim/workloads"
)

// firstBucket is where PyTorch's DistributedDataParallel closes the first bucket of
// gradients, so that sums begin early (kDefaultFirstBucketBytes, reducer.hpp).
const firstBucket = 1 << 20

// mostFlat are the GPUs of a step that are simulated one by one; more are folded
// onto one node.
const mostFlat = 256

// stepBuilder makes the step of a network: what each GPU's streams do.
type stepBuilder struct {
	net     *workloads.Network
	kernels map[string]*nvlink.Kernel // by workload
	per     int                       // GPUs of a node
	apart   bool                      // each GPU is a class of its own, not each stage
	step    nvlink.Step
	gpus    int // in the step
	data    int // replicas in the step
}

// buildStep makes a network's step on nodes of per GPUs. apart simulates GPUs
// that do the same one by one.
func buildStep(n *workloads.Network, kernels map[string]*nvlink.Kernel, per int, apart bool) (*nvlink.Step, error) {
	p := &n.Parallel
	b := &stepBuilder{net: n, kernels: kernels, per: per, apart: apart, gpus: p.GPUs, data: p.Data}
	if p.GPUs > mostFlat {
		switch {
		case p.Pipeline > 1:
			return nil, fmt.Errorf("gpus=%d: stages of more than %d GPUs are not simulated (replicas alone, and GPUs that share layers inside a node, are folded)", p.GPUs, mostFlat)
		case p.GPUs%per != 0 || per%p.Tensor != 0:
			return nil, fmt.Errorf("gpus=%d, tensor=%d: more than %d GPUs are folded, which takes whole nodes of %d and replicas inside one", p.GPUs, p.Tensor, mostFlat, per)
		}
		b.gpus, b.data = per, per/p.Tensor
		b.step.Folded = p.GPUs / per
	}
	b.step.Class = make([]int, b.gpus)
	for r := range b.step.Class {
		if b.step.Class[r] = r / (b.data * p.Tensor); apart {
			b.step.Class[r] = r
		}
	}
	b.ops()
	return &b.step, nil
}

// gpu is the place of a GPU: those that share layers are neighbours, then come
// replicas, then stages, as in Megatron-LM.
func (b *stepBuilder) gpu(stage, replica, part int) int {
	return (stage*b.data+replica)*b.net.Parallel.Tensor + part
}

// microbatch keeps what stages hand to each other.
type microbatch struct{ forward, backward []int } // ops behind each stage

// ops writes the programs of all classes.
func (b *stepBuilder) ops() {
	p := &b.net.Parallel
	micro := make([]microbatch, p.Micro)
	for m := range micro {
		for s := range b.net.Stages {
			if bytes := b.net.Stages[s].Sends; bytes > 0 {
				micro[m].forward = append(micro[m].forward, b.hand(fmt.Sprintf("activations %d of stage %d", m, s), bytes, s, s+1))
				if b.net.Phase == workloads.PhaseTrain {
					micro[m].backward = append(micro[m].backward, b.hand(fmt.Sprintf("gradients %d of stage %d", m, s+1), bytes, s+1, s))
				}
			}
		}
	}
	for s := range b.net.Stages {
		prog := b.stage(s, micro)
		if !b.apart {
			b.step.Programs = append(b.step.Programs, prog)
			continue
		}
		for range b.data * p.Tensor {
			b.step.Programs = append(b.step.Programs, prog)
		}
	}
}

// stage is the program of a stage.
func (b *stepBuilder) stage(s int, micro []microbatch) []nvlink.Action {
	st := &b.net.Stages[s]
	last := s == len(b.net.Stages)-1
	var prog []nvlink.Action
	forward := func(m int) {
		if s > 0 {
			prog = append(prog, nvlink.Action{Kind: nvlink.WaitOp, Op: micro[m].forward[s-1]})
		}
		prog = b.layers(prog, st.Forward, s)
		if !last {
			prog = append(prog, nvlink.Action{Kind: nvlink.StartOp, Op: micro[m].forward[s]})
		}
	}
	if b.net.Phase != workloads.PhaseTrain {
		for m := range micro {
			forward(m)
		}
		return prog
	}
	var sums []int
	done := 0
	backward := func(m int) {
		if !last {
			prog = append(prog, nvlink.Action{Kind: nvlink.WaitOp, Op: micro[m].backward[s]})
		}
		if done++; done < len(micro) {
			prog = b.layers(prog, st.Backward, s)
		} else {
			prog, sums = b.bucketed(prog, st.Backward, s)
		}
		if done > 1 {
			prog = b.layers(prog, st.Accumulate, s)
		}
		if s > 0 {
			prog = append(prog, nvlink.Action{Kind: nvlink.StartOp, Op: micro[m].backward[s-1]})
		}
	}
	ahead := len(micro) // microbatches that go forward before the first goes back
	if b.net.Parallel.Schedule != workloads.ScheduleGPipe {
		ahead = min(len(micro), len(b.net.Stages)-s)
	}
	for m := range ahead {
		forward(m)
	}
	for m := range micro {
		backward(m)
		if ahead+m < len(micro) {
			forward(ahead + m)
		}
	}
	for _, op := range sums {
		prog = append(prog, nvlink.Action{Kind: nvlink.WaitOp, Op: op})
	}
	return b.layers(prog, st.Update, s)
}

// layers appends kernels, and sums over GPUs that share layers where they stand.
func (b *stepBuilder) layers(prog []nvlink.Action, layers []workloads.NetLayer, s int) []nvlink.Action {
	for i := range layers {
		prog = b.layer(prog, &layers[i], s)
	}
	return prog
}

func (b *stepBuilder) layer(prog []nvlink.Action, l *workloads.NetLayer, s int) []nvlink.Action {
	if c := l.Work.Collective; c != nil {
		o := nvlink.Op{Name: l.Name, Work: workloads.Collective{Op: c.Op, Size: c.Size, DType: c.DType}, Stream: nvlink.Layers}
		for d := range b.data {
			var group []int
			for t := range b.net.Parallel.Tensor {
				group = append(group, b.gpu(s, d, t))
			}
			o.Groups = append(o.Groups, group)
		}
		op := b.add(o)
		return append(prog, nvlink.Action{Kind: nvlink.StartOp, Op: op}, nvlink.Action{Kind: nvlink.WaitOp, Op: op})
	}
	for range l.Count {
		prog = append(prog, nvlink.Action{Kind: nvlink.RunKernel, Name: l.Name, Kernel: b.kernels[l.Work.Text]})
	}
	return prog
}

func (b *stepBuilder) add(o nvlink.Op) int {
	b.step.Ops = append(b.step.Ops, o)
	return len(b.step.Ops) - 1
}

// bucketed appends a backward pass that sums its gradients over replicas in
// buckets as they fill up; sums are the ops to wait for.
func (b *stepBuilder) bucketed(prog []nvlink.Action, layers []workloads.NetLayer, s int) (_ []nvlink.Action, sums []int) {
	p := &b.net.Parallel
	if p.Data == 1 {
		return b.layers(prog, layers, s), nil
	}
	size := int64(workloads.ElemBytes(p.Grads))
	full, held, most := int64(0), int64(0), int64(0)
	for i := range layers {
		most += layers[i].Grad * size
	}
	limit := min(firstBucket, p.Bucket)
	for i := range layers {
		prog = b.layer(prog, &layers[i], s)
		held += layers[i].Grad * size
		full += layers[i].Grad * size
		if held == 0 || held < limit && full < most {
			continue
		}
		op := b.add(b.bucket(fmt.Sprintf("bucket %d", len(sums)), held, s))
		sums = append(sums, op)
		prog = append(prog, nvlink.Action{Kind: nvlink.StartOp, Op: op})
		held, limit = 0, p.Bucket
	}
	return prog, sums
}

// bucket is the sum of a bucket's gradients over all replicas of a stage.
func (b *stepBuilder) bucket(name string, bytes int64, s int) nvlink.Op {
	p := &b.net.Parallel
	o := nvlink.Op{Name: name, Work: workloads.Collective{Op: workloads.AllReduce, Size: bytes, DType: p.Grads}, Nodes: b.step.Folded, Stream: nvlink.Gradients}
	for t := range p.Tensor {
		var group []int
		for d := range b.data {
			group = append(group, b.gpu(s, d, t))
		}
		o.Groups = append(o.Groups, group)
	}
	return o
}

// hand is what a stage hands to another.
func (b *stepBuilder) hand(name string, bytes int64, from, to int) int {
	o := nvlink.Op{Name: name, Work: workloads.Collective{Op: workloads.PointToPoint, Size: bytes, DType: "fp32"}, Stream: nvlink.Boundaries}
	for d := range b.data {
		for t := range b.net.Parallel.Tensor {
			o.Groups = append(o.Groups, []int{b.gpu(from, d, t), b.gpu(to, d, t)})
		}
	}
	return b.add(o)
}
