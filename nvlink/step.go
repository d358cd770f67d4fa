package nvlink

import (
	"gpusim/workloads"
)

// A Step is what GPUs do together: each runs kernels one after another on its
// compute stream, and collectives and transfers beside them on streams of their
// own. GPUs of one class do the same at the same time: what their streams do is
// simulated once, and what they send to each other for all.

// Step is the work of all GPUs of a system's nodes.
type Step struct {
	Class    []int      // of each GPU; one node's where Folded
	Programs [][]Action // of each class
	Ops      []Op
	Folded   int     // nodes that the one of Class stands for; 0: all are there
	Memory   float64 // bytes per second that the memory of a GPU sustains; 0: never the limit
}

// ActionKind says what an action is.
type ActionKind uint8

// Kinds of actions.
const (
	RunKernel ActionKind = iota // on the compute stream
	StartOp                     // lets an op go on behind what stands before it on the compute stream
	WaitOp                      // holds the compute stream up until an op is over
)

// Action is one thing that a GPU's compute stream does.
type Action struct {
	Kind   ActionKind
	Name   string
	Kernel *Kernel // RunKernel
	Op     int     // StartOp, WaitOp: of Step.Ops
}

// Kernel is work on one GPU as it is alone.
type Kernel struct {
	Seconds float64
	DRAM    float64 // bytes
	// Slowed gives its seconds while collectives have so many SMs for their CTAs;
	// nil: the same.
	Slowed func(sms int) (float64, error)
}

// Op is a collective or a transfer that groups of GPUs run, each for itself.
type Op struct {
	Name   string
	Work   workloads.Collective // its GPUs are those of a group; of a transfer Src and Dst do not count
	Groups [][]int              // GPUs by their place in Step.Class; of a transfer: from, to
	Nodes  int                  // of Folded steps: over so many nodes, each like the one; 0: inside it
	Stream Stream
}

// Stream is a queue of ops of a GPU. One is over before the next begins.
type Stream uint8

// Streams.
const (
	Gradients  Stream = iota // sums over replicas
	Layers                   // sums over GPUs that share layers
	Boundaries               // activations and their gradients between stages
	streams
)

// StepResult is what a step took.
type StepResult struct {
	Seconds float64
	Classes []ClassUse
	Spans   []Span
	Links   []LinkUse
	Bound   string
	PeakUse float64
	Folded  int
}

// ClassUse is where the time of a class of GPUs goes, in seconds. Alone, Slowed,
// Exposed, Bubble and Idle are all of it.
type ClassUse struct {
	GPU     int     // the first of the class
	GPUs    int     // of Step.Class
	Alone   float64 // kernels as if they had the GPU for themselves
	Slowed  float64 // what they took longer beside collectives
	Exposed float64 // waits for sums
	Bubble  float64 // waits for another stage
	Idle    float64 // behind its last action
	Comm    float64 // during which it had an op under way, hidden or not
}

// Span is one thing that a class of GPUs did.
type Span struct {
	GPU        int // the first of the class
	Stream     string
	Name       string
	Start, End float64 // seconds
}

// streamNames are what Span calls them.
var streamNames = [streams]string{"gradients", "layers", "boundaries"}

// ComputeStream is what Span calls the stream of kernels.
const ComputeStream = "compute"
