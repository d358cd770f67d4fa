package nvdla

import (
	"fmt"
	"math"
)

// SheetLayer is a row of the performance sheet: one convolution or fully
// connected layer with what is fused behind it.
type SheetLayer struct {
	C, H, W, K, R, S int
	SamePad          bool // output as large as the input over the stride
	StrideH, StrideW int
	OutH, OutW       int  // after fused pooling
	FC               bool // fully connected
	Elementwise      bool // a tensor is added that has to be read
}

// SheetConfig is the accelerator as the sheet sees it. A kilobyte is 1024
// bytes, but takes as long as 1000 at the memory's rate, as in the sheet.
type SheetConfig struct {
	MACs     int
	CBUFKiB  float64
	GBps     float64
	MHz      float64
	FCBatch  int // images that share the weights of a fully connected layer
	ElemByte float64
}

// SheetRules are the ways in which the sheet's networks differ.
type SheetRules struct {
	Once       bool // everything is moved once, weights of a batch of fully connected layers shared (AlexNet)
	KRound     int  // to which K is rounded up
	SpareRow   bool // the buffer holds one row of the input more than the kernel has
	ByLeast    bool // what has to stay in the buffer is compared, not the tensors
	ByWeights  bool // the whole input is compared with the weights of 32 kernels (GoogLeNet)
	PlainConvs bool // weights of 3 x 3 kernels are not counted as transformed for Winograd
}

// Rules of the sheet's three networks. ResNet-50's first row is SheetFirst.
var (
	SheetAlexNet   = SheetRules{Once: true, KRound: 16}
	SheetGoogLeNet = SheetRules{KRound: 16, SpareRow: true, ByWeights: true}
	SheetResNet50  = SheetRules{KRound: 128}
	SheetFirst     = SheetRules{KRound: 128, SpareRow: true, ByLeast: true}
)

// SheetRulesOf are the rules of a layer of the sheet by its place in the network.
// GoogLeNet's sheet forgets the larger weights of Winograd from inception 3b, its
// seventh layer, on.
func SheetRulesOf(network string, layer int) (SheetRules, error) {
	switch network {
	case "AlexNet":
		return SheetAlexNet, nil
	case "GoogLeNet":
		r := SheetGoogLeNet
		r.PlainConvs = layer >= 6
		return r, nil
	case "ResNet50":
		if layer == 0 {
			return SheetFirst, nil
		}
		return SheetResNet50, nil
	}
	return SheetRules{}, fmt.Errorf("network: %q is not in the sheet (allowed: AlexNet, GoogLeNet, ResNet50)", network)
}

// SheetRow is what the sheet says of a layer.
type SheetRow struct {
	InKiB, OutKiB, WeightKiB float64
	TrafficKiB               float64
	DRAMCycles, MACCycles    float64
	Cycles                   float64 // the larger of both
}

// Winograd says whether the sheet counts a layer's multiplications by Winograd:
// every 3 x 3 kernel, whatever its stride and the accelerator.
func (l *SheetLayer) Winograd() bool { return l.R == 3 && l.S == 3 }

const (
	winogradGain   = 2.25       // multiplications of F(2x2, 3x3)
	winogradWeight = 16.0 / 9.0 // its weights
	sheetAtom      = 16         // channels and kernels, for every size
)

// Sheet is the model of nvdla/hw perf/NVDLA_OpenSource_Performance.xlsx.
func Sheet(l SheetLayer, c SheetConfig, r SheetRules) SheetRow {
	sh, sw := l.StrideH, l.StrideW
	up := func(n, to int) float64 { return float64(ceilDiv(n, to) * to) }
	channels := up(l.C*sh*sw, sheetAtom)
	h, w := float64(ceilDiv(l.H, sh)), float64(ceilDiv(l.W, sw))
	kib := c.ElemByte / 1024
	taps := float64(ceilDiv(l.R, sh) * ceilDiv(l.S, sw))

	row := SheetRow{InKiB: channels * h * w * kib, OutKiB: float64(l.OutH*l.OutW) * up(l.K, sheetAtom) * kib}
	row.WeightKiB = channels * taps * float64(l.K) * kib
	if l.Winograd() && !r.PlainConvs {
		row.WeightKiB *= winogradWeight
	}
	row.TrafficKiB = l.traffic(&row, c, r, channels, h, w, taps, kib)

	hh, ww := l.H, l.W
	if !l.SamePad {
		hh, ww = l.H-l.R+1, l.W-l.S+1
	}
	batch := 1
	if l.FC {
		batch = c.FCBatch
	}
	row.MACCycles = channels * float64(ceilDiv(hh, sh)*ceilDiv(ww, sw)) * up(l.K*batch, r.KRound) / float64(batch) *
		float64(l.R*l.S) / float64(sh*sw) / float64(c.MACs)
	if l.Winograd() {
		row.MACCycles /= winogradGain
	}
	row.DRAMCycles = math.Ceil(row.TrafficKiB / c.GBps * c.MHz)
	row.Cycles = max(row.DRAMCycles, row.MACCycles)
	return row
}

// traffic is what memory moves: the smaller operand stays in the buffer, the
// other comes once for each buffer-full of it.
func (l *SheetLayer) traffic(row *SheetRow, c SheetConfig, r SheetRules, channels, h, w, taps, kib float64) float64 {
	in, wt := row.InKiB, row.WeightKiB
	if r.Once {
		if l.FC {
			wt /= float64(c.FCBatch)
		}
		return in + row.OutKiB + wt
	}
	rows := float64(l.R)
	if r.SpareRow {
		rows++
	}
	leastIn := channels * min(rows, h) * w * kib
	leastWt := channels * taps * 32 * kib
	if leastWt >= c.CBUFKiB {
		leastWt = c.CBUFKiB / 2
	}
	inputStays := in < wt
	switch {
	case r.ByLeast:
		inputStays = leastIn < leastWt
	case r.ByWeights:
		inputStays = in < leastWt
	}
	again := func(stays, room float64) float64 {
		if stays <= room {
			return 1
		}
		return math.Ceil(stays / room)
	}
	t := row.OutKiB
	if inputStays {
		t += in + wt*again(in, c.CBUFKiB-leastWt)
	} else {
		t += wt + in*again(wt, c.CBUFKiB-leastIn)
	}
	if l.Elementwise {
		t += row.OutKiB
	}
	return t
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
