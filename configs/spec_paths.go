package configs

// MIO is the path that memory instructions share: a queue per sub-core and
// the load/store unit with the shared memory of the SM.
type MIO struct {
	QueueDepth       int `yaml:"queue_depth" min:"1" max:"64" doc:"memory instructions buffered per sub-core"`
	IssueInterval    int `yaml:"issue_interval" min:"1" max:"16" doc:"cycles between memory instructions that one sub-core sends"`
	UnitInterval     int `yaml:"unit_interval" min:"1" max:"16" doc:"cycles between memory instructions that the SM's load/store unit starts, of all sub-cores"`
	StoreQueue       int `yaml:"store_queue" min:"1" max:"4096" doc:"store instructions of an SM that L2 has not acknowledged"`
	SharedLatency    int `yaml:"shared_latency" min:"1" max:"200" doc:"LDS of 32 bit, conflict free, issue to use"`
	SharedBytesClk   int `yaml:"shared_bytes_per_clk" min:"16" max:"512"`
	ReturnBytesClk   int `yaml:"return_bytes_per_clk" min:"16" max:"1024" doc:"loaded data to the registers; lanes that read one word get it in one pass, but each needs its share of this"`
	SharedBanks      int `yaml:"shared_banks" min:"16" max:"64"`
	StoreReadLatency int `yaml:"store_read_latency" min:"1" max:"64" doc:"store: start to source registers free again, for global memory less the cycles that it takes of L1; unless operands says more"`
	AddressInterval  int `yaml:"address_interval,omitempty" min:"1" max:"16" doc:"cycles between memory instructions whose addresses one sub-core works out, where it issues them faster than that"`
	QueueLatency     int `yaml:"queue_latency,omitempty" min:"1" max:"64" doc:"cycles that a memory instruction keeps its place in the sub-core's queue after its start"`
	UniformGlobal    int `yaml:"uniform_global_cycles,omitempty" min:"1" max:"32" doc:"cycles by which global loads that hit L1 are faster if their address is in uniform registers"`
	UniformShared    int `yaml:"uniform_shared_cycles,omitempty" min:"1" max:"32" doc:"the same of loads from shared memory"`
	CopyLatency      int `yaml:"copy_latency,omitempty" min:"1" max:"200" doc:"LDGSTS of any width that hits L1: cycles beyond l1.hit_latency until a wait for it is over, at least; without this key those of a load"`

	Operands Operands `yaml:"operands,omitempty" doc:"when registers that memory instructions read may be written again"`
}

// Operands are how registers get to the path to memory: at a rate, addresses like data. An
// address takes 4 B a lane for shared memory and 8 for global memory, in uniform registers
// nothing.
type Operands struct {
	BytesClk     int `yaml:"bytes_per_clk" min:"16" max:"512"`
	StoreLatency int `yaml:"store_latency" min:"1" max:"64" doc:"store: start to registers free again, less their transfer"`
	LoadLatency  int `yaml:"load_latency" min:"1" max:"64" doc:"load: the same"`
	LoadLeast    int `yaml:"load_least" min:"1" max:"64" doc:"load: with the transfer, at least"`
}

// Constants are the caches of constant memory: two in each sub-core, of operands and of
// loads, both behind one that they share with instructions. Without them constants cost
// nothing.
type Constants struct {
	L0            Bytes `yaml:"l0" min:"64 B" max:"64 KiB" doc:"per sub-core, of operands; that of loads is as large"`
	LineBytes     int   `yaml:"line_bytes" min:"16" max:"256"`
	L0MissLatency int   `yaml:"l0_miss_latency" min:"1" max:"1000" doc:"found in the SM's cache: cycles that an instruction with an operand waits"`
	L1MissLatency int   `yaml:"l1_miss_latency" min:"1" max:"2000" doc:"not found there: cycles beyond that"`
	LoadLatency   int   `yaml:"load_latency" min:"1" max:"200" doc:"LDC that hits, address in the instruction"`
	LoadRegister  int   `yaml:"load_register_latency" min:"1" max:"200" doc:"LDC that hits, address in a register, which is free again when the data are there"`
}

// ICache is the instruction-fetch path.
type ICache struct {
	InstructionBytes int   `yaml:"instruction_bytes" min:"8" max:"16"`
	L0               Bytes `yaml:"l0" min:"1 KiB" max:"256 KiB" doc:"per sub-core"`
	L1               Bytes `yaml:"l1" min:"4 KiB" max:"1 MiB" doc:"per SM (L1.5)"`
	LineBytes        int   `yaml:"line_bytes" min:"32" max:"256"`
	L0MissLatency    int   `yaml:"l0_miss_latency" min:"1" max:"500" doc:"L0 miss that hits L1.5"`
	L1MissLatency    int   `yaml:"l1_miss_latency" min:"1" max:"2000" doc:"L1.5 miss that hits L2"`
	PrefetchLines    int   `yaml:"prefetch_lines" min:"0" max:"64"`
}
