package validate

import (
	"regexp"
	"strconv"
	"strings"

	"gpusim/workloads"
	"gpusim/workloads/graph"
	"gpusim/workloads/models"
)

// Forms in which tables name a device and how many of it.
var (
	several   = regexp.MustCompile(`\[(\d+) GPU\]`)       // NVIDIA DGX-1 (8x V100 16GB) [1 GPU]
	inside    = regexp.MustCompile(`\((\d+)x ([^)]+)\)`)  // what the system is made of
	times     = regexp.MustCompile(` x(\d+)$`)            // NVIDIA A100-SXM4-40GB x4
	submitted = regexp.MustCompile(`^(.+?)x(\d+)(_.*)?$`) // T4x1_TRT, of MLPerf
)

// deviceNames are what tables of networks call devices that machine files have
// under other names.
var deviceNames = map[string]string{
	"v100 16g": "V100-SXM2", "v100 16gb": "V100-SXM2", "t4 16g": "T4", "nvidia t4": "T4",
	"v100 32g": "V100-SXM2-32GB", "v100 32gb": "V100-SXM2-32GB",
	"a100 40gb": "A100-SXM4-40GB", "a100 80gb": "A100-SXM4-80GB",
	"a100-pcie": "A100-PCIE-40GB", "a100-pcie-80gb": "A100-PCIE-80GB",
	"dgx-a100_a100-sxm4": "A100-SXM4-40GB", "a100-sxm4-40gb": "A100-SXM4-40GB", "a100-sxm-80gb": "A100-SXM4-80GB",
	"dgx-a100_a100-sxm-80gb": "A100-SXM4-80GB",
}

// deviceOf gives the device that a name stands for, and how many of it ran.
func deviceOf(s string) (device string, gpus int) {
	device, gpus = strings.TrimSpace(s), 1
	if m := inside.FindStringSubmatch(device); m != nil {
		gpus, _ = strconv.Atoi(m[1])
		if k := several.FindStringSubmatch(device); k != nil {
			gpus, _ = strconv.Atoi(k[1])
		}
		device = m[2]
	} else if m := times.FindStringSubmatch(device); m != nil {
		gpus, _ = strconv.Atoi(m[1])
		device = strings.TrimSuffix(device, m[0])
	} else if name := device[strings.LastIndex(device, "/")+1:]; submitted.MatchString(name) {
		m := submitted.FindStringSubmatch(name)
		gpus, _ = strconv.Atoi(m[2])
		device = m[1]
	}
	if name, ok := deviceNames[strings.ToLower(device)]; ok {
		device = name
	}
	return device, gpus
}

// modelNames are what tables call networks that have another name here.
var modelNames = map[string]workloads.Network{
	"resnet":    {Model: "resnet50"},
	"bert-99":   {Model: "bert-large", Seq: 384}, // MLPerf: SQuAD
	"bert-99.9": {Model: "bert-large", Seq: 384},
	// NeuSight's times go with the width that 24 heads of 128 make: 3072 gives the
	// same operations per second as its other networks, 2048 less than half.
	"gpt3_xl": {Model: "gpt3-xl-3072"},
}

// hostIssue is the host time per kernel of frameworks, in microseconds.
//
// Fitted: medians of the V100 rows of NVIDIA's DeepLearningExamples with batch 1
// and 2, over the kernels of the network; hosts and versions differ, so it says
// what a framework's overhead is of, not more.
var hostIssue = map[string]float64{"pytorch": 50, "tensorflow": 25, "tensorflow+xla": 25, "mxnet": 20}

// split is how NeuSight calls networks on several GPUs: tp4, dp4, or pp4_1 with
// the number of microbatches.
var split = regexp.MustCompile(`^(tp|dp|pp)(\d+)(?:_(\d+))?$`)

// spreadOf sets what the name says.
func spreadOf(p *workloads.Parallel, m []string) {
	n, _ := strconv.Atoi(m[2])
	switch m[1] {
	case "tp":
		p.Tensor = n
	case "dp":
		p.Data = n
	case "pp":
		p.Pipeline = n
		p.Micro, _ = strconv.Atoi(m[3])
	}
}

// systemText is what stands around a device: the system that it is in.
func systemText(s string) string {
	before, _, _ := strings.Cut(s, "(")
	before = times.ReplaceAllString(strings.TrimSpace(before), "")
	if m := submitted.FindStringSubmatch(before[strings.LastIndex(before, "/")+1:]); m != nil {
		return m[1]
	}
	return before
}

// framework says how one computes a network, kernel by kernel.
func framework(n *workloads.Network, name string) Method {
	infer := n.Phase == workloads.PhaseInfer
	n.Fused, n.Norms = false, name == "tensorflow+xla" && infer // clusters of element-wise operators, convolutions apart
	if name == "mxnet" && !infer && n.DType == "fp16" {
		// NVIDIA's program asks for ReLU and sums in batch norms (--fuse-bn-relu,
		// --fuse-bn-add-relu), in fp16 alone; cuDNN has them for training alone.
		n.Fused = true
	}
	how := named(Eager)
	how.HostIssueUS, how.Spread = hostIssue[name], deviceSpread
	if strings.HasPrefix(name, "tensorflow") && infer {
		how.InputBytes = copiedImages
	}
	return how
}

// version follows a network's name where several were published: ResNet-50/v1.5.
var version = regexp.MustCompile(`^v\d+(\.\d+)*$`)

// apart takes the text of a model apart: the name with its version, and what stands in
// parentheses or behind a slash, keys of the workload language or other words.
func apart(model string) (name, keys string, words []string) {
	var pairs []string
	for i, part := range strings.FieldsFunc(model, func(r rune) bool { return strings.ContainsRune("(),/", r) }) {
		part = strings.TrimSpace(part)
		switch word := strings.ToLower(part); {
		case i == 0:
			name = part
		case version.MatchString(word):
			name += "-" + word
		case strings.Contains(word, "="):
			pairs = append(pairs, part)
		default:
			words = append(words, word)
		}
	}
	return name, strings.Join(pairs, ","), words
}

// describe reads the text of a model: which network it is, and of what framework,
// scenario and options. The method is that of the source. Keys of the workload language
// win over columns and over what a framework does.
func describe(n *workloads.Network, model, source string) (how Method, err error) {
	name, keys, words := apart(model)
	if known, ok := modelNames[strings.ToLower(name)]; ok {
		n.Model, n.Seq = known.Model, known.Seq
	} else if m, ok := models.Find(name); ok {
		n.Model = m.Name
	} else {
		return how, skipf("no network is known as %q", name)
	}
	if err := n.Set(keys); err != nil { // the phase and the type decide on what follows
		return how, skipf("model %q: %v", model, err)
	}
	n.Fused, n.Norms = n.Phase == workloads.PhaseInfer, false
	how = named(WarmGraph)
	if strings.Contains(source, "neusight") { // PyTorch, a pass between two events
		n.Fused = false
		how = named(Eager)
		if n.Phase == workloads.PhaseTrain { // of one GPU its script times forward and backward passes, nothing else
			n.Optimizer = graph.NoOptimizer
		}
	}
	for _, w := range words {
		switch {
		case w == "", w == "offline", w == "singlestream":
		case w == "server", w == "multistream", w == "interactive":
			return how, skipf("scenario %s: as many requests as a latency limit lets through", w)
		case hostIssue[w] > 0:
			how = framework(n, w)
		case w == "fusion":
			n.Fused = n.Phase == workloads.PhaseInfer
		case split.MatchString(w):
			spreadOf(&n.Parallel, split.FindStringSubmatch(w))
			n.Optimizer = "" // a step of Megatron-LM
		default:
			return how, skipf("option %q is not known", w)
		}
	}
	return how, n.Set(keys)
}
