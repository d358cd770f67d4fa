package configs

// System is a machine of several devices: parts, the links between them, the
// library that moves data over them and the copies that the driver makes. A
// file describes one node; nodes says how many of them there are.
type System struct {
	Answers []Answer    `yaml:"answers,omitempty" doc:"measured tables that this system answers to"`
	Nodes   int         `yaml:"nodes" min:"1" max:"65536" doc:"nodes like this one; their parts are called node.part when there are several"`
	Parts   []Part      `yaml:"parts"`
	Links   []Wire      `yaml:"links"`
	Types   []LinkType  `yaml:"link_types,omitempty" doc:"kinds of links beside those in configs/links, or in their place"`
	Library CommLibrary `yaml:"library" doc:"what collectives cost beyond the links"`
	Copies  Copies      `yaml:"copies" doc:"what the measuring program adds to copies between GPUs"`

	linkTypes map[string]*LinkType // those that links name
}

// LinkType is the type of that name which a link of the system has.
func (s *System) LinkType(name string) *LinkType { return s.linkTypes[name] }

// Answer names rows of measured tables: those of a device whose system begins
// with a text.
type Answer struct {
	Device string `yaml:"device"`
	System string `yaml:"system,omitempty" doc:"none: any"`
}

// Kinds of parts.
const (
	PartGPU    = "gpu"
	PartSwitch = "switch" // forwards between links: NVSwitch, PCIe switch, network switch
	PartCPU    = "cpu"    // root complex and memory of a socket
	PartNIC    = "nic"
)

// Part is a kind of device that stands in the system one or more times.
type Part struct {
	Name      string         `yaml:"name" doc:"with a number behind it when there are several: GPU0"`
	Kind      string         `yaml:"kind" allowed:"gpu,switch,cpu,nic"`
	Count     int            `yaml:"count,omitempty" min:"1" max:"65536" doc:"how many of a node; none: one"`
	Machine   string         `yaml:"machine,omitempty" doc:"machine file of a GPU"`
	Shared    bool           `yaml:"shared,omitempty" doc:"stands once for all nodes, such as the network's switch"`
	Ports     map[string]int `yaml:"ports" min:"1" max:"65536" doc:"links that it has room for, by type"`
	Latency   Duration       `yaml:"latency,omitempty" min:"1 ns" max:"100 us" doc:"of forwarding"`
	Forward   Bandwidth      `yaml:"forward,omitempty" min:"100 MB/s" max:"100 TB/s" doc:"most that it forwards out of one link, in one direction, when that is less than the link"`
	Reduction bool           `yaml:"reduction,omitempty" doc:"a switch that adds up and multicasts"`
}

// Wire is one link or a bundle of equal links between two parts. A range in
// brackets stands for several parts, all of which are joined with all of the
// other side: GPU[0-7].
type Wire struct {
	Type  string `yaml:"type"`
	A     string `yaml:"a" doc:"part, range of parts, or part:port"`
	B     string `yaml:"b"`
	Count int    `yaml:"count,omitempty" min:"1" max:"1024" doc:"parallel links between each two; none: one"`
}

// Classes of links.
const (
	ClassNVLink = "nvlink"
	ClassPCIe   = "pcie"
	ClassSMP    = "smp" // between sockets
	ClassNet    = "net"
)

// LinkType is a kind of link. Rates and sizes are of one link and direction.
type LinkType struct {
	Name        string   `yaml:"name"`
	Class       string   `yaml:"class" allowed:"nvlink,pcie,smp,net"`
	Lanes       int      `yaml:"lanes" min:"1" max:"128"`
	LaneGbps    float64  `yaml:"lane_gbps" min:"0.01" max:"1000" doc:"signalling rate of a lane in Gbit/s"`
	Code        float64  `yaml:"code" min:"0.1" max:"1" doc:"share that line code and error correction leave"`
	Flit        int      `yaml:"flit_bytes" min:"1" max:"256" doc:"packets are multiples of this"`
	Header      float64  `yaml:"header_bytes" min:"0" max:"512" doc:"per packet, with what goes beside packets"`
	Mask        int      `yaml:"mask_bytes,omitempty" min:"0" max:"64" doc:"byte enables of a packet that does not write whole lines"`
	Response    float64  `yaml:"response_bytes,omitempty" min:"0" max:"512" doc:"sent back per packet"`
	Payload     Bytes    `yaml:"payload" min:"16 B" max:"64 KiB" doc:"of a packet of loads and stores"`
	CopyPayload Bytes    `yaml:"copy_payload" min:"16 B" max:"64 KiB" doc:"of a packet of a copy engine"`
	Sector      Bytes    `yaml:"sector,omitempty" min:"16 B" max:"4 KiB" doc:"of a packet of stores with flags between the data; none: whole packets"`
	Credits     Bytes    `yaml:"credits,omitempty" min:"16 B" max:"1 GiB" doc:"what the receiver has room for: no more can be under way; none: never the limit"`
	Latency     Duration `yaml:"latency" min:"1 ns" max:"10 ms" doc:"from leaving one part to being seen by the other"`
	Energy      float64  `yaml:"energy_pj_per_bit,omitempty" min:"0" max:"10000" doc:"of both ends, of a bit on the wire; none: not counted"`
	EnergyLo    float64  `yaml:"energy_lo,omitempty" min:"0" max:"1" doc:"the energy may be as low as this part of it; none: as given"`
	EnergyHi    float64  `yaml:"energy_hi,omitempty" min:"1" max:"100" doc:"the energy may be as high as this many times it; none: as given"`
}

// EnergyRange is EnergyLo and EnergyHi as factors, 1 where none is given.
func (t *LinkType) EnergyRange() (lo, hi float64) { return rangeOf(t.EnergyLo, t.EnergyHi) }

// BytesPerSecond is the rate of one link and direction, headers included.
func (t *LinkType) BytesPerSecond() float64 { return float64(t.Lanes) * t.LaneGbps * 1e9 * t.Code / 8 }

// CommLibrary is a communication library as a system has it. The constants of
// its own cost model are in the nvlink package, by Tuning.
type CommLibrary struct {
	Tuning       string    `yaml:"tuning" allowed:"pascal,volta,ampere,hopper,mpi" doc:"which constants of the library hold"`
	LL           bool      `yaml:"ll,omitempty" doc:"has the protocol with a flag beside each eight bytes"`
	LL128        bool      `yaml:"ll128,omitempty" doc:"has the protocol with a flag in each 128 bytes"`
	InSwitch     bool      `yaml:"in_switch,omitempty" doc:"lets switches add up where they can"`
	Peer         bool      `yaml:"peer,omitempty" doc:"GPUs write into each other's memory over PCIe; otherwise through the host's"`
	Channels     int       `yaml:"channels" min:"1" max:"64" doc:"at most"`
	CTARate      Bandwidth `yaml:"cta_rate" min:"100 MB/s" max:"1 TB/s" doc:"of the thread block of one channel"`
	CopiesBehind bool      `yaml:"copies_behind,omitempty" doc:"what is only received is copied to its place while other slices move"`
	HostRate     Bandwidth `yaml:"host_rate,omitempty" min:"100 MB/s" max:"1 TB/s" doc:"of a thread block that reads the host's memory"`
	Buffer       Bytes     `yaml:"buffer" min:"4 KiB" max:"1 GiB" doc:"of a channel between two GPUs"`
	Launch       Duration  `yaml:"launch" min:"0 ps" max:"10 ms" doc:"call to the first CTA at work, and its end to the call's"`
	Jitter       Duration  `yaml:"jitter" min:"0 ps" max:"1 ms" doc:"mean of the exponential spread in which CTAs come to work"`
	Hop          Duration  `yaml:"hop,omitempty" min:"1 ps" max:"1 ms" doc:"of a slice from one CTA to the next, in place of the library's constant"`
	Step         Duration  `yaml:"step,omitempty" min:"1 ps" max:"1 ms" doc:"that a CTA spends on a slice besides, likewise"`
	Network      Bandwidth `yaml:"network_rate,omitempty" min:"1 MB/s" max:"1 TB/s" doc:"of a channel's proxy towards the network"`
}

// Copies is what copies between GPUs take beside the links.
type Copies struct {
	Write  Duration `yaml:"write" min:"0 ps" max:"1 ms" doc:"start to end of a copy of nothing that the source's GPU pushes"`
	Read   Duration `yaml:"read" min:"0 ps" max:"1 ms" doc:"likewise that the destination's GPU pulls"`
	Staged Duration `yaml:"staged" min:"0 ps" max:"1 ms" doc:"likewise through the host's memory"`
	Chunk  Bytes    `yaml:"chunk" min:"4 KiB" max:"1 GiB" doc:"staged copies go in pieces of this through two buffers"`
	Gap    Duration `yaml:"gap" min:"0 ps" max:"1 ms" doc:"between two pieces on either half of the way"`
}
