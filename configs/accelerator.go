package configs

import "strings"

// NVDLA describes one NVIDIA deep-learning accelerator. Cycles are those of its
// core clock.
type NVDLA struct {
	Clock      Freq        `yaml:"clock" min:"10 MHz" max:"5 GHz"`
	Types      []string    `yaml:"types" doc:"of operands that its multipliers take: int8, int16, fp16"`
	AtomicC    int         `yaml:"atomic_c" min:"1" max:"256" doc:"channels that a MAC cell multiplies in a cycle"`
	AtomicK    int         `yaml:"atomic_k" min:"1" max:"256" doc:"kernels in a cycle with int8; half as many with 16-bit types"`
	MemoryAtom int         `yaml:"memory_atom" min:"1" max:"128" doc:"elements of int8 that lie together in memory: a point's channels"`
	CBUF       CBUF        `yaml:"cbuf"`
	Features   NVDLAExtras `yaml:"features"`
	SDP        SDP         `yaml:"sdp"`
	PDPRate    int         `yaml:"pdp_per_clk" min:"1" max:"64" doc:"elements a cycle that planar pooling takes"`
	CDPRate    int         `yaml:"cdp_per_clk" min:"0" max:"64" doc:"elements a cycle of local response normalisation; 0: it has none"`
	Memory     NVDLAMemory `yaml:"memory"`
	Pipeline   NVDLAStages `yaml:"pipeline"`
	ClosedForm string      `yaml:"closed_form,omitempty" allowed:"sheet,plan" doc:"what fidelity analytic is: the designers' performance sheet (where none is given), which rounds alike and counts Winograd on every size, or a closed form over the pipeline's own plan"`
}

// CBUF is the convolution buffer.
type CBUF struct {
	Banks int   `yaml:"banks" min:"2" max:"64"`
	Width Bytes `yaml:"width" min:"1 B" max:"256 B" doc:"of an entry"`
	Depth int   `yaml:"depth" min:"16" max:"65536" doc:"entries of a bank"`
}

// Bank is the size of a bank, Total that of the buffer.
func (c *CBUF) Bank() int  { return int(c.Width) * c.Depth }
func (c *CBUF) Total() int { return c.Banks * c.Bank() }

// NVDLAExtras are the options of the design.
type NVDLAExtras struct {
	Winograd    bool `yaml:"winograd" doc:"3x3 kernels with stride 1 with 2.25 times fewer multiplications"`
	Compression bool `yaml:"weight_compression" doc:"weights that are 0 are a bit in memory and in the buffer"`
	MaxBatch    int  `yaml:"max_batch" min:"1" max:"32" doc:"images of a fully connected layer that share its weights"`
	LUT         bool `yaml:"lut" doc:"activation functions by table, such as sigmoid and tanh"`
	Elementwise bool `yaml:"elementwise" doc:"sums and products of two tensors"`
	BDMA        bool `yaml:"bdma" doc:"copies between memories"`
	RUBIK       bool `yaml:"rubik" doc:"changes of the layout of tensors"`
}

// SDP is the single-point processor behind the accumulators: bias,
// normalisation, activation. Rates are elements a cycle.
type SDP struct {
	Rate            int `yaml:"per_clk" min:"1" max:"64" doc:"of bias and batch normalisation, and of what passes through"`
	ElementwiseRate int `yaml:"elementwise_per_clk" min:"0" max:"64"`
}

// NVDLAMemory is the interface to memory.
type NVDLAMemory struct {
	WidthBits   int       `yaml:"width_bits" min:"32" max:"1024" doc:"of the data bus"`
	Bandwidth   Bandwidth `yaml:"bandwidth" min:"100 MB/s" max:"1 TB/s" doc:"that memory sustains, reads and writes together"`
	Latency     int       `yaml:"latency" min:"1" max:"5000" doc:"cycles from a request to its first data"`
	Outstanding int       `yaml:"outstanding" min:"1" max:"4096" doc:"cycles of latency that each client's buffers cover at full rate"`
}

// NVDLAStages are the latencies of the convolution pipeline, in cycles.
type NVDLAStages struct {
	Start int `yaml:"start" min:"0" max:"10000" doc:"operation enabled to first read of memory"`
	CDMA  int `yaml:"cdma" min:"0" max:"1000" doc:"last data returned to the sequence controller knowing of it"`
	CSC   int `yaml:"csc" min:"0" max:"1000" doc:"sequence controller: read of the buffer to MAC"`
	CMAC  int `yaml:"cmac" min:"0" max:"1000"`
	CACC  int `yaml:"cacc" min:"0" max:"1000" doc:"accumulation, delivery to SDP and the credit back to the sequence controller"`
	SDP   int `yaml:"sdp" min:"0" max:"1000" doc:"element in to element on its way to memory"`
}

// Systolic describes a machine around a systolic array.
type Systolic struct {
	Model    string             `yaml:"model" allowed:"folds,tpu,decoupled,row_stationary" doc:"how operands reach the array"`
	Clock    Freq               `yaml:"clock" min:"10 MHz" max:"5 GHz"`
	Types    []string           `yaml:"types" doc:"of operands that the array multiplies"`
	Rows     int                `yaml:"rows" min:"1" max:"4096"`
	Cols     int                `yaml:"cols" min:"1" max:"4096"`
	Dataflow string             `yaml:"dataflow" allowed:"os,ws,is,rs" doc:"what stays in the array: outputs, weights, inputs, rows of both"`
	Memory   Bandwidth          `yaml:"memory_bandwidth" min:"1 MB/s" max:"100 TB/s"`
	SRAM     *SystolicSRAM      `yaml:"sram,omitempty" doc:"of model folds"`
	TPU      *SystolicTPU       `yaml:"tpu,omitempty"`
	Decouple *SystolicDecoupled `yaml:"decoupled,omitempty"`
	RowStat  *SystolicRows      `yaml:"row_stationary,omitempty"`
}

// SystolicSRAM is the double-buffered SRAMs beside an array.
type SystolicSRAM struct {
	Input  Bytes `yaml:"input" min:"1 KiB" max:"1 GiB"`
	Weight Bytes `yaml:"weight" min:"1 KiB" max:"1 GiB"`
	Output Bytes `yaml:"output" min:"1 KiB" max:"1 GiB"`
}

// SystolicTPU is what a TPU has around its array.
type SystolicTPU struct {
	Cores         int       `yaml:"cores" min:"1" max:"64" doc:"arrays that share the rows of a layer"`
	UnifiedBuffer Bytes     `yaml:"unified_buffer" min:"1 KiB" max:"1 GiB" doc:"for activations, per core"`
	FIFOTiles     int       `yaml:"weight_fifo_tiles" min:"1" max:"64"`
	ShiftCycles   int       `yaml:"shift_cycles" min:"0" max:"4096" doc:"to move a tile of weights into the array"`
	Accumulators  int       `yaml:"accumulators" min:"2" max:"65536" doc:"rows of sums below the array; half of them collect at a time"`
	SyncCycles    int       `yaml:"layer_sync" min:"0" max:"100000" doc:"from a layer's last sum to the next layer's first product"`
	Host          Bandwidth `yaml:"host_bandwidth" min:"1 MB/s" max:"1 TB/s" doc:"between the host and the unified buffer"`
	Spill         string    `yaml:"spill" allowed:"host,memory" doc:"where activations lie that the unified buffer does not hold"`
}

// SystolicDecoupled is what Gemmini has around its array.
type SystolicDecoupled struct {
	Scratchpad Bytes `yaml:"scratchpad" min:"1 KiB" max:"1 GiB"`
	FoldBubble int   `yaml:"fold_bubble" min:"0" max:"1000" doc:"cycles between folds"`
	Setup      int   `yaml:"setup" min:"0" max:"1000000" doc:"cycles of a call beside its folds"`
}

// SystolicRows is what Eyeriss has around its array; sizes of scratchpads are
// those of one processing element.
type SystolicRows struct {
	WordBytes   int   `yaml:"word_bytes" min:"1" max:"8"`
	FilterWords int   `yaml:"filter_words" min:"1" max:"65536"`
	InputWords  int   `yaml:"input_words" min:"1" max:"65536"`
	SumWords    int   `yaml:"sum_words" min:"1" max:"65536"`
	Buffer      Bytes `yaml:"global_buffer" min:"1 KiB" max:"1 GiB" doc:"for inputs and partial sums"`
	BusWords    int   `yaml:"bus_words" min:"1" max:"1024" doc:"words a cycle between the buffer and the array, for each kind of word"`
}

// kinds are the kinds of machines, each with a section of its name.
var kinds = []string{"gpu", "cpu", "nvdla", "systolic"}

func (c *checker) nvdla(n *NVDLA) {
	c.oneOfEach("nvdla.types", n.Types, "int8", "int16", "fp16")
	c.multiple("nvdla.atomic_c", int64(n.AtomicC), int64(n.CBUF.Width), "cbuf.width")
	c.that(!n.Features.Winograd || n.AtomicC%16 == 0, "nvdla.features.winograd", "4 x 4 points of a channel need atomic_c of a multiple of 16, not %d", n.AtomicC)
	c.that(n.Features.Elementwise == (n.SDP.ElementwiseRate > 0), "nvdla.sdp.elementwise_per_clk", "%d, but features.elementwise is %v",
		n.SDP.ElementwiseRate, n.Features.Elementwise)
	peak := float64(n.Memory.WidthBits/8) * float64(n.Clock)
	c.that(float64(n.Memory.Bandwidth) <= peak, "nvdla.memory.bandwidth", "%v is more than %d bits a cycle carry", n.Memory.Bandwidth, n.Memory.WidthBits)
}

func (c *checker) systolic(s *Systolic) {
	c.oneOfEach("systolic.types", s.Types, "int8", "int16", "bf16", "fp16", "fp32")
	for _, m := range []struct {
		model string
		there bool
		key   string
	}{
		{"folds", s.SRAM != nil, "sram"}, {"tpu", s.TPU != nil, "tpu"},
		{"decoupled", s.Decouple != nil, "decoupled"}, {"row_stationary", s.RowStat != nil, "row_stationary"},
	} {
		c.that(s.Model != m.model || m.there, "systolic", "model is %s, but there is no %s section", m.model, m.key)
		c.that(s.Model == m.model || !m.there, "systolic."+m.key, "model is %s, so there may be no %s section", s.Model, m.key)
	}
	c.that((s.Model == "row_stationary") == (s.Dataflow == "rs"), "systolic.dataflow", "%s with model %s", s.Dataflow, s.Model)
	c.that(s.Model == "folds" || s.Model == "row_stationary" || s.Dataflow == "ws", "systolic.dataflow", "%s: model %s keeps weights (ws)", s.Dataflow, s.Model)
}

// oneOfEach checks a list of names.
func (c *checker) oneOfEach(key string, list []string, allowed ...string) {
	c.distinct(key, list)
	c.that(len(list) > 0, key, "empty list")
	for _, s := range list {
		c.that(contains(allowed, s), key, "%q (allowed: %s)", s, strings.Join(allowed, ", "))
	}
}
