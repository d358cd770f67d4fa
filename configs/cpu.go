package configs

// CPU describes a multi-core processor baseline.
type CPU struct {
	Sockets        int       `yaml:"sockets" min:"1" max:"16"`
	Cores          int       `yaml:"cores" min:"1" max:"1024" doc:"per socket"`
	ThreadsPerCore int       `yaml:"threads_per_core" min:"1" max:"8"`
	Clock          CPUClock  `yaml:"clock"`
	Issue          CPUIssue  `yaml:"issue"`
	Core           *CPUCore  `yaml:"core,omitempty" doc:"the pipeline of a core; left out, that of a Skylake server core with the issue section's figures"`
	Caches         []Cache   `yaml:"caches" doc:"nearest first"`
	Memory         CPUMemory `yaml:"memory"`
	IdlePower      Power     `yaml:"idle_power" min:"0 W" max:"1000 W" doc:"package power with all cores idle"`
	Threads        int       `yaml:"threads,omitempty" min:"1" max:"1024" doc:"threads per socket that libraries run, one a core; else one on every core"`
	Convolutions   string    `yaml:"convolutions,omitempty" allowed:"blocked,blocked_2017" doc:"kernels that the library has: direct ones on blocked layouts for all (default), or those of 2017, which fall back to plain loops for strided gradients of the input and some padded layers"`
	CoreToCore     Duration  `yaml:"core_to_core,omitempty" min:"1 ns" max:"10 us" doc:"hand-over of a cache line between two cores; else two trips to the last cache"`
	Region         Duration  `yaml:"parallel_region,omitempty" min:"0 ns" max:"1 ms" doc:"what the threading library's own code takes for one parallel region, beyond hand-overs"`
}

// CPUClock holds the all-core clocks by vector width in use.
type CPUClock struct {
	Base   Freq `yaml:"base" min:"100 MHz" max:"10 GHz"`
	Scalar Freq `yaml:"scalar" min:"100 MHz" max:"10 GHz"`
	Vector Freq `yaml:"vector" min:"100 MHz" max:"10 GHz" doc:"all cores in the widest vector unit"`
}

// CPUIssue describes the core.
type CPUIssue struct {
	Width          int `yaml:"width" min:"1" max:"16" doc:"instructions per cycle sustained"`
	Window         int `yaml:"window" min:"1" max:"1024" doc:"reorder buffer entries"`
	VectorBits     int `yaml:"vector_bits" min:"32" max:"2048"`
	VectorUnits    int `yaml:"vector_units" min:"1" max:"8" doc:"FMA units"`
	FMALatency     int `yaml:"fma_latency" min:"1" max:"20"`
	LoadsPerCycle  int `yaml:"loads_per_cycle" min:"1" max:"8"`
	StoresPerCycle int `yaml:"stores_per_cycle" min:"1" max:"8"`
	VectorRegs     int `yaml:"vector_registers" min:"8" max:"128"`
}

// CPUCore describes the pipeline of a core.
type CPUCore struct {
	ISA             string    `yaml:"isa,omitempty" allowed:"scalar,sse,avx2,avx512" doc:"instruction set that libraries are held to; else the widest"`
	UopCache        int       `yaml:"uop_cache" min:"0" max:"65536" doc:"instructions of a loop that need no decoding; 0: none"`
	Decode          int       `yaml:"decode" min:"1" max:"16" doc:"instructions decoded per cycle"`
	Scheduler       int       `yaml:"scheduler" min:"1" max:"1024" doc:"entries of the scheduler, or of that for integer instructions where the others are given"`
	VectorScheduler int       `yaml:"vector_scheduler,omitempty" min:"1" max:"1024" doc:"for vector instructions"`
	MemoryScheduler int       `yaml:"memory_scheduler,omitempty" min:"1" max:"1024" doc:"for loads and stores"`
	LoadQueue       int       `yaml:"load_queue" min:"1" max:"1024"`
	StoreQueue      int       `yaml:"store_queue" min:"1" max:"1024"`
	IntRegisters    int       `yaml:"int_registers" min:"1" max:"1024" doc:"for renaming, beyond the architectural ones"`
	VectorRegisters int       `yaml:"vector_rename_registers" min:"1" max:"1024" doc:"for renaming, beyond the architectural ones"`
	Ports           []CPUPort `yaml:"ports" doc:"execution ports"`
	VectorLoad      int       `yaml:"vector_load_latency" min:"1" max:"100" doc:"load to use of a vector found in the first cache"`
	VectorOp        int       `yaml:"vector_op_latency" min:"1" max:"100" doc:"logic, maximum, integer vector arithmetic"`
	Shuffle         int       `yaml:"shuffle_latency" min:"1" max:"100"`
	Divide          int       `yaml:"divide_latency" min:"1" max:"200" doc:"of a vector of fp32"`
	DivideCycles    int       `yaml:"divide_cycles" min:"1" max:"200" doc:"that the divider is busy with a vector of fp32"`
	MemoryInOrder   bool      `yaml:"memory_in_order,omitempty" doc:"loads and stores issue in program order"`
	VectorRest      int       `yaml:"vector_rest,omitempty" min:"2" max:"1000" doc:"the vector units start no more in so many cycles than they could in one less"`
	BranchMiss      int       `yaml:"branch_miss" min:"1" max:"100" doc:"cycles that a mispredicted branch costs"`
	FillBuffers     int       `yaml:"fill_buffers" min:"1" max:"256" doc:"lines on their way to the first cache"`
	Superqueue      int       `yaml:"superqueue" min:"1" max:"256" doc:"lines on their way to the last private cache"`
	StridePrefetch  bool      `yaml:"stride_prefetch" doc:"the first cache fetches ahead along the stride of each load"`
	StreamPrefetch  int       `yaml:"stream_prefetch" min:"0" max:"64" doc:"lines that the second cache fetches ahead of a stream; 0: none"`
	SoftPrefetch    bool      `yaml:"software_prefetch,omitempty" doc:"libraries' kernels carry prefetch instructions for the first cache"`
	FillTakesPorts  bool      `yaml:"fill_takes_ports" doc:"the first cache serves no load in a cycle in which a line comes in"`
	FusedOperands   bool      `yaml:"fused_operands,omitempty" doc:"libraries' kernels multiply by a broadcast memory operand rather than load it first"`
}

// CPUPort is an execution port.
type CPUPort struct {
	Does []string `yaml:"does" allowed:"int,branch,fma,vec,shuffle,div,load,store"`
}

// Cache is one level of a CPU's cache hierarchy.
type Cache struct {
	Name        string  `yaml:"name"`
	Size        Bytes   `yaml:"size" min:"1 KiB" max:"1 GiB" doc:"per instance"`
	Shared      bool    `yaml:"shared" doc:"one per socket instead of one per core"`
	Cores       int     `yaml:"cores,omitempty" min:"1" max:"8" doc:"neighbouring cores that share it, where it is neither one core's nor the socket's; the other figures are one core's part"`
	Ways        int     `yaml:"ways" min:"1" max:"64"`
	LineBytes   int     `yaml:"line_bytes" min:"16" max:"256"`
	Latency     int     `yaml:"latency" min:"1" max:"1000" doc:"load to use, core cycles"`
	BytesPerClk float64 `yaml:"bytes_per_clk" min:"1" max:"1024" doc:"sustained towards the core, per core"`
}

// CPUMemory is the CPU's main memory, per socket.
type CPUMemory struct {
	Bandwidth  Bandwidth `yaml:"bandwidth" min:"1 GB/s" max:"10 TB/s" doc:"peak per socket"`
	Efficiency float64   `yaml:"efficiency" min:"0.1" max:"1" doc:"sustained over peak (STREAM)"`
	Latency    Duration  `yaml:"latency" min:"1 ns" max:"1 us"`
}
