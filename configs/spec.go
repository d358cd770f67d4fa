package configs

// Machine is one loaded machine file. Exactly one of GPU, CPU, NVDLA,
// Systolic and System is set, named by Kind. It is immutable once loaded.
type Machine struct {
	Name        string    `yaml:"name" doc:"short name, also the result folder's name"`
	Kind        string    `yaml:"kind" allowed:"gpu,cpu,nvdla,systolic" doc:"which model simulates it"`
	Description string    `yaml:"description"`
	Inherits    string    `yaml:"inherits,omitempty" doc:"base machine file; this file states only the change"`
	Devices     []string  `yaml:"devices" doc:"device names in measured tables that this machine answers to"`
	ProcessNM   float64   `yaml:"process_nm" min:"1" max:"250"`
	DieMM2      float64   `yaml:"die_mm2,omitempty" min:"0.1" max:"2000" doc:"published area of the die; left out where there is no chip"`
	TDP         Power     `yaml:"tdp" min:"10 mW" max:"2000 W"`
	Workloads   []string  `yaml:"workloads" doc:"what 'gpusim run' simulates when no --workload is given"`
	GPU         *GPU      `yaml:"gpu,omitempty"`
	CPU         *CPU      `yaml:"cpu,omitempty"`
	NVDLA       *NVDLA    `yaml:"nvdla,omitempty"`
	Systolic    *Systolic `yaml:"systolic,omitempty"`
	SoC         *SoC      `yaml:"soc,omitempty"`
	Executes    []Ability `yaml:"executes,omitempty" doc:"what the machine executes beside and around its products; GPUs and CPUs are programmable and have no such list"`
	Host        *Host     `yaml:"host,omitempty" doc:"the machine that executes what this one cannot"`
	Wall        *Wall     `yaml:"wall,omitempty" doc:"what stands between the device and the wall: the rest of a system and its power supply"`
	EnergyTable string    `yaml:"energy_table" doc:"name of a file in configs/energy, or a path: the coefficients that energy overlays"`
	Energy      Energy    `yaml:"energy,omitempty" doc:"single coefficients that replace those of the energy table"`

	AreaTable string `yaml:"area_table,omitempty" doc:"name of a file in configs/area, or a path: what area overlays"`
	Area      Area   `yaml:"area,omitempty" doc:"figures of the area ledger that replace those of the area table"`

	System *System // of a file of its own form, see systemFile

	listed *node // workloads as they are written
}

// GPU describes a GPU: Clock, the SM and everything outside it.
type GPU struct {
	ComputeCapability string     `yaml:"compute_capability"`
	Clock             Clock      `yaml:"clock"`
	SM                SM         `yaml:"sm"`
	Tensor            TensorCore `yaml:"tensor_core"`
	L1                L1         `yaml:"l1"`
	Crossbar          Crossbar   `yaml:"crossbar"`
	TLB               TLB        `yaml:"tlb"`
	L2                L2         `yaml:"l2"`
	DRAM              DRAM       `yaml:"dram"`
	Dispatch          Dispatch   `yaml:"dispatch"`
	Library           Library    `yaml:"library"`
}

// Clock holds the core clock. Peaks are quoted at Boost; kernels run at Sustained
// or, where the power cap binds, below it.
type Clock struct {
	Base      Freq          `yaml:"base" min:"100 MHz" max:"5 GHz"`
	Boost     Freq          `yaml:"boost" min:"100 MHz" max:"5 GHz"`
	Sustained Freq          `yaml:"sustained" min:"100 MHz" max:"5 GHz" doc:"clock that kernels run at while the power cap does not bind; fitted or cited"`
	PowerCap  bool          `yaml:"power_cap,omitempty" doc:"whether the clock falls until the board's average power is within tdp"`
	Step      Freq          `yaml:"step,omitempty" min:"1 MHz" max:"200 MHz" doc:"steps of the clock under the power cap"`
	Supply    []SupplyPoint `yaml:"supply,omitempty" doc:"core voltage by clock: constant below the first point, straight lines between points and beyond the last; none: that of the energy coefficients"`
}

// SupplyPoint is one point of the curve of core voltage over clock.
type SupplyPoint struct {
	Clock   Freq    `yaml:"clock" min:"100 MHz" max:"5 GHz"`
	Voltage Voltage `yaml:"voltage" min:"300 mV" max:"2 V"`
}

// SM describes one streaming multiprocessor. Times are SM cycles.
type SM struct {
	Count               int       `yaml:"count" min:"1" max:"512"`
	PerTPC              int       `yaml:"per_tpc" min:"1" max:"4"`
	GPCs                int       `yaml:"gpcs" min:"1" max:"32"`
	SubCores            int       `yaml:"sub_cores" min:"1" max:"4"`
	Scheduler           string    `yaml:"scheduler" allowed:"gto,gty,lrr,two-level,oldest"`
	ActiveSet           int       `yaml:"two_level_active_set" min:"1" max:"64" doc:"warps in the active set of the two-level scheduler"`
	MaxWarps            int       `yaml:"max_warps" min:"1" max:"64"`
	MaxCTAs             int       `yaml:"max_ctas" min:"1" max:"64"`
	Registers           int       `yaml:"registers" min:"1024" max:"1048576" doc:"32-bit registers per SM"`
	RegisterAllocUnit   int       `yaml:"register_alloc_unit" min:"1" max:"4096" doc:"registers are given to a warp in this granularity"`
	SharedMemory        Bytes     `yaml:"shared_memory" min:"1 KiB" max:"1 MiB" doc:"largest shared memory of all resident CTAs"`
	SharedAllocUnit     Bytes     `yaml:"shared_alloc_unit" min:"1 B" max:"4 KiB"`
	RegisterBanks       int       `yaml:"register_banks" min:"1" max:"8"`
	DualIssue           bool      `yaml:"dual_issue,omitempty" doc:"a warp can issue two independent instructions of different pipes in one cycle, where the compiler has marked the pair"`
	PairLanes           float64   `yaml:"pair_lanes,omitempty" min:"1" max:"64" doc:"fp32 lanes that two neighbouring sub-cores share beside their own: they take the second of two fp32 instructions that a warp issues in one cycle"`
	IntOnFP32           bool      `yaml:"int_on_fp32,omitempty" doc:"integer instructions run on the fp32 lanes, as before Volta"`
	PackConversions     bool      `yaml:"pack_conversions,omitempty" doc:"integer lanes turn words into fp32 (I2FP) and pairs of fp32 into saturated bytes (F2IP), as since Ampere; elsewhere conversions are special functions"`
	BankOperandsPerRead int       `yaml:"bank_operands_per_read" min:"1" max:"4" doc:"32-bit operands one bank delivers per warp-instruction read window without a conflict"`
	Pipes               Pipes     `yaml:"pipes"`
	MIO                 MIO       `yaml:"mio"`
	ICache              ICache    `yaml:"icache"`
	Constants           Constants `yaml:"constants,omitempty"`
	BranchLatency       int       `yaml:"branch_latency" min:"1" max:"64"`
	BarrierLatency      int       `yaml:"barrier_latency" min:"1" max:"200" doc:"last arrival to first issue after BAR.SYNC"`
	CTALaunchLatency    int       `yaml:"cta_launch_latency" min:"0" max:"5000" doc:"CTA dispatched to first instruction issued"`
	CTAExitLatency      int       `yaml:"cta_exit_latency" min:"0" max:"5000" doc:"last warp exits to slot free"`
	MaxCluster          int       `yaml:"max_cluster,omitempty" min:"1" max:"16" doc:"CTAs of a cluster at most; none: there are no clusters. With them the SMs of a TPC have neighbouring numbers, so that clusters stay in a GPC"`
	ClusterLatency      int       `yaml:"cluster_latency,omitempty" min:"1" max:"1000" doc:"cycles from an SM to another of its cluster, one way"`
	TMA                 TMA       `yaml:"tma,omitempty"`
}

// FP32Lanes is the number of fp32 lanes of the SM.
func (s *SM) FP32Lanes() float64 {
	return float64(s.SubCores) * (s.Pipes.FP32.Lanes + s.PairLanes/2)
}

// GPC is the GPC that an SM belongs to.
func (s *SM) GPC(sm int) int {
	if s.MaxCluster > 1 {
		sm /= s.PerTPC
	}
	return sm % max(1, s.GPCs)
}

// TMA is the tensor memory accelerator of an SM.
type TMA struct {
	Latency      int `yaml:"latency,omitempty" min:"1" max:"1000" doc:"box issued to its first line looked for in L2, beyond what a load that misses L1 takes"`
	LineInterval int `yaml:"line_interval,omitempty" min:"1" max:"16" doc:"cycles between lines of 128 B that it asks for"`
}

// Pipes are the execution pipes of one sub-core.
type Pipes struct {
	FP32 Pipe `yaml:"fp32"`
	FP64 Pipe `yaml:"fp64"`
	INT  Pipe `yaml:"int"`
	FP16 Pipe `yaml:"fp16"`
	SFU  Pipe `yaml:"sfu"`
	DP4A Pipe `yaml:"dp4a,omitempty" doc:"dot products of four int8 with int32 accumulation: instructions of the int pipe with a rate of their own; without this key there are none"`
}

// Pipe is one execution pipe: a warp instruction holds its input for
// ceil(32/lanes) cycles and its result can be read after Latency cycles.
type Pipe struct {
	Lanes   float64 `yaml:"lanes" min:"0" max:"192" doc:"below 1: a lane that several sub-cores share; of a shared pipe all of the SM's"`
	Latency int     `yaml:"latency" min:"1" max:"64"`
	Shared  bool    `yaml:"shared,omitempty" doc:"one pipe serves all sub-cores of the SM"`
}

// TensorCore describes the matrix unit of one sub-core.
type TensorCore struct {
	Shape          string  `yaml:"shape" allowed:"none,884,1688,16816,wgmma" doc:"MMA that the generators use for fp16"`
	FMAPerClk      int     `yaml:"fma_per_clk" min:"0" max:"4096" doc:"fp16 FMA per clock and sub-core"`
	StepCycles     int     `yaml:"step_cycles" min:"1" max:"32" doc:"issue interval of one HMMA step"`
	StepCyclesFP16 int     `yaml:"step_cycles_fp16" min:"1" max:"32" doc:"issue interval of one HMMA step with fp16 accumulators"`
	StepsFP32      int     `yaml:"steps_fp32" min:"1" max:"8" doc:"HMMA steps of one m8n8k4 with fp32 accumulators"`
	StepsFP16      int     `yaml:"steps_fp16" min:"1" max:"8"`
	Latency        int     `yaml:"latency" min:"1" max:"128" doc:"issue of a step to its accumulator readable by another instruction"`
	BubbleSetsFP32 int     `yaml:"bubble_sets_fp32" min:"0" max:"64" doc:"every so many m8n8k4 with fp32 accumulators cost one extra step slot cycle; 0 = never"`
	AccumulateWait int     `yaml:"accumulate_latency" min:"1" max:"128" doc:"issue of the first step of an MMA to the first step of a dependent MMA on the same accumulator"`
	Instructions   []MMA   `yaml:"instructions,omitempty" doc:"matrix instructions beyond the steps of 884"`
	AreaShare      float64 `yaml:"area_share,omitempty" min:"0" max:"1" doc:"share of the SM's area"`
}

// MMA is one matrix instruction of a warp, or of a warp group of four warps
// (WGMMA, m of 64 and n up to 256, timed by n).
type MMA struct {
	Name       string `yaml:"name" doc:"as in machine code, e.g. HMMA.1688.F32"`
	Type       string `yaml:"type" allowed:"fp16,bf16,tf32,fp64,fp8,int8,int4,int1" doc:"of the operands"`
	Acc        string `yaml:"acc" allowed:"fp16,fp32,fp64,int32"`
	M          int    `yaml:"m" min:"8" max:"64"`
	N          int    `yaml:"n" min:"8" max:"256"`
	K          int    `yaml:"k" min:"4" max:"256"`
	Sparse     bool   `yaml:"sparse,omitempty" doc:"2:4 structured sparsity: k counts the zeros left out"`
	Cycles     int    `yaml:"cycles" min:"1" max:"255" doc:"that it holds the sub-core's unit"`
	Latency    int    `yaml:"latency" min:"1" max:"512" doc:"issue to the accumulators readable by any other instruction"`
	Accumulate int    `yaml:"accumulate_latency" min:"1" max:"512" doc:"issue to issue of an MMA that adds to the same accumulators"`
}

// L1 is the sectored first-level data cache.
type L1 struct {
	Size       Bytes `yaml:"size" min:"1 KiB" max:"1 MiB"`
	Unified    bool  `yaml:"unified" doc:"shared memory is carved out of this size; false: it has an SRAM of its own"`
	Global     bool  `yaml:"caches_global" doc:"global loads look up L1; false: they go straight to L2"`
	LineBytes  int   `yaml:"line_bytes" min:"32" max:"256"`
	Sector     int   `yaml:"sector_bytes" min:"16" max:"128"`
	Ways       int   `yaml:"ways" min:"1" max:"64"`
	HitLatency int   `yaml:"hit_latency" min:"1" max:"500"`
	TagsPerClk int   `yaml:"tags_per_clk" min:"1" max:"32"`
	FirstAlone bool  `yaml:"first_line_alone,omitempty" doc:"the first line of an access has a cycle to itself"`
	BytesClk   int   `yaml:"bytes_per_clk" min:"16" max:"512"`
}

// Crossbar joins SMs and L2 slices. Latencies are SM cycles; widths are bytes per SM cycle.
type Crossbar struct {
	RequestLatency int `yaml:"request_latency" min:"1" max:"500" doc:"L1 miss known to request at its slice"`
	ReplyLatency   int `yaml:"reply_latency" min:"1" max:"500" doc:"slice data ready to register written, port waits excluded"`
	SMRequestBytes int `yaml:"sm_request_bytes_per_clk" min:"1" max:"512" doc:"write data and request headers, per SM"`
	SMReplyBytes   int `yaml:"sm_reply_bytes_per_clk" min:"1" max:"512" doc:"read data, per SM"`
	GPCReplyBytes  int `yaml:"gpc_reply_bytes_per_clk" min:"1" max:"8192" doc:"read data, per GPC"`
	RequestHeader  int `yaml:"request_header_bytes" min:"1" max:"64"`

	Coalesce bool `yaml:"coalesce,omitempty" doc:"reads of a line by SMs of one GPC that meet on the way to L2 share its answer"`
}

// TLB is address translation: a small one beside each L1, a large one of the
// GPU behind it, and page-table walks.
type TLB struct {
	Page        Bytes `yaml:"page" min:"4 KiB" max:"1 GiB" doc:"what an entry of the first level covers"`
	Entries     int   `yaml:"entries" min:"1" max:"4096" doc:"of the first level, per SM"`
	Latency     int   `yaml:"latency" min:"0" max:"2000" doc:"cycles that a miss of the first level adds if the second hits"`
	L2Page      Bytes `yaml:"l2_page" min:"4 KiB" max:"1 GiB" doc:"what an entry of the second level covers"`
	L2Entries   int   `yaml:"l2_entries" min:"1" max:"1048576" doc:"of the second level, per GPU"`
	WalkLatency int   `yaml:"walk_latency" min:"1" max:"5000" doc:"cycles that a miss of the second level adds"`
	Walkers     int   `yaml:"walkers" min:"1" max:"1024" doc:"page-table walks at a time"`

	Micro MicroTLB `yaml:"micro,omitempty"`
}

// MicroTLB stands before the first level of the TLB, where a machine shows one; without
// this section there is none.
type MicroTLB struct {
	Page     Bytes   `yaml:"page" min:"4 KiB" max:"1 GiB" doc:"what an entry covers"`
	Entries  int     `yaml:"entries" min:"0" max:"4096" doc:"per SM; 0: every request goes to the first level"`
	Interval float64 `yaml:"interval" min:"0" max:"100" doc:"cycles between two misses that the SMs of a GPC have looked up"`
}

// L2 is the sliced last-level cache.
type L2 struct {
	Size          Bytes  `yaml:"size" min:"64 KiB" max:"256 MiB"`
	Slices        int    `yaml:"slices" min:"1" max:"512"`
	LineBytes     int    `yaml:"line_bytes" min:"32" max:"256"`
	Sector        int    `yaml:"sector_bytes" min:"16" max:"128"`
	Ways          int    `yaml:"ways" min:"1" max:"64"`
	BytesPerSlice int    `yaml:"bytes_per_clk_per_slice" min:"8" max:"128"`
	HitLatency    int    `yaml:"hit_latency" min:"1" max:"1000" doc:"request at slice to data ready at slice"`
	MissLatency   int    `yaml:"miss_latency" min:"1" max:"1000" doc:"request at slice to request in the DRAM queue"`
	FillLatency   int    `yaml:"fill_latency" min:"1" max:"1000" doc:"last DRAM beat to data ready at slice"`
	AtomicCycles  int    `yaml:"atomic_cycles" min:"1" max:"64" doc:"slice cycles of one atomic"`
	FillBytes     int    `yaml:"fill_bytes" min:"32" max:"128" doc:"aligned bytes that a miss brings from DRAM"`
	Replacement   string `yaml:"replacement" allowed:"lru,random" doc:"which line of a full set goes"`
	WriteBack     string `yaml:"write_back,omitempty" allowed:"line,row" doc:"what goes to DRAM when a dirty line must go: line, which is the default, only that; row: whatever is dirty of its DRAM row, the rest of which stays"`
	Partitions    int    `yaml:"partitions" min:"1" max:"2" doc:"parts of the cache, each with half of the slices; an SM reaches lines of the other part through its own"`
	FarLatency    int    `yaml:"far_latency,omitempty" min:"1" max:"1000" doc:"cycles that the way to the other partition and back takes longer"`
	Hash          string `yaml:"hash" allowed:"region,xor,modulo" doc:"address to slice"`
}

// DRAM is the off-chip memory. Timings are DRAM clock cycles (tCK).
type DRAM struct {
	Standard       string `yaml:"standard" doc:"file in configs/dram whose values count where this section states none; custom: all stand here"`
	Size           Bytes  `yaml:"size" min:"1 MiB" max:"1 TiB"`
	Clock          Freq   `yaml:"clock" min:"50 MHz" max:"10 GHz" doc:"command clock"`
	Transfers      int    `yaml:"transfers_per_clock" from:"standard" min:"1" max:"8" doc:"times that data move in a command clock"`
	Channels       int    `yaml:"channels" min:"1" max:"1024" doc:"independent (pseudo-)channels"`
	ChannelBits    int    `yaml:"channel_bits" from:"standard" min:"8" max:"1024"`
	BurstLength    int    `yaml:"burst_length" from:"standard" min:"1" max:"32"`
	BankGroups     int    `yaml:"bank_groups" from:"standard" min:"1" max:"16"`
	BanksPerGroup  int    `yaml:"banks_per_group" from:"standard" min:"1" max:"16"`
	Ranks          int    `yaml:"ranks" min:"1" max:"4" doc:"ranks (stack IDs of HBM) on a channel: their banks add up, and each may activate at the rate of tRRD and tFAW"`
	RowBytes       Bytes  `yaml:"row_bytes" from:"standard" min:"256 B" max:"16 KiB"`
	Interleave     Bytes  `yaml:"interleave" min:"128 B" max:"16 KiB" doc:"contiguous bytes in one channel, for the region hash"`
	SpreadChannels int    `yaml:"spread_channels" min:"1" max:"1024" doc:"channels that take turns within a region, for the region hash"`
	QueueDepth     int    `yaml:"queue_depth" min:"1" max:"1024" doc:"requests the scheduler can choose among"`
	WriteBuffer    int    `yaml:"write_buffer" min:"1" max:"4096" doc:"lines on their way from L2 to a channel; who evicts one more waits"`
	AgeLimit       int    `yaml:"age_limit" min:"0" max:"100000" doc:"tCK after which the oldest request goes first"`
	Page           string `yaml:"page_policy" allowed:"open,closed"`
	Refresh        string `yaml:"refresh" from:"standard" allowed:"all_bank,per_bank" doc:"all banks at a time every tREFI, or each once in tREFI, one after another"`
	Timing         Timing `yaml:"timing" from:"standard"`
	PHYLatency     int    `yaml:"phy_latency" min:"0" max:"500" doc:"SM cycles of controller and PHY, both directions, not in tCL"`
	ECC            bool   `yaml:"ecc_inline" doc:"ECC words take bandwidth (GDDR boards)"`
}

// Timing holds the DRAM timing constraints in tCK.
type Timing struct {
	RCDRD int `yaml:"tRCDRD" from:"standard" min:"1" max:"200"`
	RCDWR int `yaml:"tRCDWR" from:"standard" min:"1" max:"200"`
	RP    int `yaml:"tRP" from:"standard" min:"1" max:"200"`
	RAS   int `yaml:"tRAS" from:"standard" min:"1" max:"500"`
	CL    int `yaml:"tCL" from:"standard" min:"1" max:"200"`
	CWL   int `yaml:"tCWL" from:"standard" min:"1" max:"200"`
	CCDS  int `yaml:"tCCD_S" from:"standard" min:"1" max:"50"`
	CCDL  int `yaml:"tCCD_L" from:"standard" min:"1" max:"50"`
	RRDS  int `yaml:"tRRD_S" from:"standard" min:"1" max:"50"`
	RRDL  int `yaml:"tRRD_L" from:"standard" min:"1" max:"50"`
	FAW   int `yaml:"tFAW" from:"standard" min:"1" max:"200"`
	WTRS  int `yaml:"tWTR_S" from:"standard" min:"1" max:"100"`
	WTRL  int `yaml:"tWTR_L" from:"standard" min:"1" max:"100"`
	RTP   int `yaml:"tRTP" from:"standard" min:"1" max:"100"`
	WR    int `yaml:"tWR" from:"standard" min:"1" max:"200"`
	RTW   int `yaml:"tRTW" from:"standard" min:"1" max:"100" doc:"read command to write command"`
	REFI  int `yaml:"tREFI" from:"standard" min:"100" max:"1000000"`
	RFC   int `yaml:"tRFC" from:"standard" min:"1" max:"10000"`
	RFCPB int `yaml:"tRFCpb" from:"standard" min:"1" max:"10000" doc:"refresh of one bank"`
}

// Dispatch is the CTA scheduler and the kernel launch path on the device.
type Dispatch struct {
	CTAInterval   int `yaml:"cta_interval" min:"1" max:"1000" doc:"cycles between CTAs leaving the dispatcher"`
	KernelLatency int `yaml:"kernel_latency" min:"0" max:"100000" doc:"kernel at the front of its stream to first CTA dispatched"`
	DrainLatency  int `yaml:"drain_latency" min:"0" max:"100000" doc:"last CTA done and writes visible to the next kernel of the stream allowed"`
}

// PeakBandwidth is what all channels deliver at the DRAM clock's both edges, in
// bytes a second.
func (d *DRAM) PeakBandwidth() float64 {
	return 2 * float64(d.Clock) * float64(d.ChannelBits*d.Channels) / 8
}

// Library describes the math library that picks kernels on this machine.
type Library struct {
	Name      string   `yaml:"name"`
	Workspace Bytes    `yaml:"workspace" min:"0 B" max:"1 GiB" doc:"split-K partial sums up to this size go to a workspace, larger ones reduce in the kernel"`
	SplitK    string   `yaml:"split_k" allowed:"fill,underfull,workspace,never" doc:"when the library considers split-K: always, only with fewer tiles than SMs, of those on plain lanes only where partial sums fit the workspace, or never"`
	Slice     int      `yaml:"least_slice,omitempty" min:"8" max:"100000" doc:"least k of a slice of split-K; else by kernel"`
	Kernels   []string `yaml:"kernels" doc:"catalogue: kernel families that exist on this machine"`

	Convolutions []string `yaml:"convolutions,omitempty" doc:"the same of convolutions"`
	Compiled     []string `yaml:"compiled,omitempty" doc:"the same of convolutions in networks that an inference compiler has laid out, which brings kernels of its own; without it they have those of the library"`
}

// Energy holds the energy coefficients of a machine: what one event costs,
// and what flows whether or not anything happens. Sources stand in the YAML.
type Energy struct {
	PowerScope string                 `yaml:"power_scope" allowed:"core,chip,package,board,wall" doc:"what the power and energy figures include"`
	Node       float64                `yaml:"node,omitempty" min:"1" max:"250" doc:"nanometres of the process that the coefficients hold for, as the scaling equations count it"`
	Voltage    Voltage                `yaml:"voltage,omitempty" min:"300 mV" max:"2 V" doc:"core voltage at which the coefficients hold; none: they hold at any"`
	Events     map[string]EnergyEvent `yaml:"events" doc:"component name -> coefficient"`
	Static     map[string]StaticPower `yaml:"static" doc:"component name -> power that flows while the kernel runs"`
}

// EnergyEvent is one dynamic coefficient: what an event costs, how sure that is and
// where it is from. Lo and Hi are factors, so that they hold at any voltage and for a
// coefficient that is set anew.
type EnergyEvent struct {
	PJ      float64 `yaml:"pj" min:"0" max:"1e9" doc:"energy of one event"`
	Column  string  `yaml:"column" allowed:"payload,instruction,register,shared_l1,l2,crossbar,dram,link" doc:"ledger column"`
	Lo      float64 `yaml:"lo,omitempty" min:"0" max:"1" doc:"the energy may be as low as this part of pj; none: as pj"`
	Hi      float64 `yaml:"hi,omitempty" min:"1" max:"100" doc:"the energy may be as high as this many times pj; none: as pj"`
	NM      float64 `yaml:"nm,omitempty" min:"1" max:"250" doc:"node of the published figure that pj is scaled from"`
	Voltage Voltage `yaml:"voltage,omitempty" min:"300 mV" max:"2 V" doc:"supply of the published figure"`
	Source  string  `yaml:"source,omitempty" doc:"where the published figure is from, and how pj follows"`
}

// Range is Lo and Hi as factors, 1 where none is given.
func (e *EnergyEvent) Range() (lo, hi float64) { return rangeOf(e.Lo, e.Hi) }

// StaticPower is power that does not depend on activity. Lo and Hi are factors.
type StaticPower struct {
	Power  Power   `yaml:"power" min:"0 W" max:"2000 W"`
	Column string  `yaml:"column" allowed:"static"`
	Lo     float64 `yaml:"lo,omitempty" min:"0" max:"1" doc:"the power may be as low as this part of it; none: as given"`
	Hi     float64 `yaml:"hi,omitempty" min:"1" max:"100" doc:"the power may be as high as this many times it; none: as given"`
	Source string  `yaml:"source,omitempty" doc:"where the power is from"`
}

// Range is Lo and Hi as factors, 1 where none is given.
func (s *StaticPower) Range() (lo, hi float64) { return rangeOf(s.Lo, s.Hi) }

func rangeOf(lo, hi float64) (float64, float64) {
	if lo == 0 {
		lo = 1
	}
	return lo, max(1, hi)
}
