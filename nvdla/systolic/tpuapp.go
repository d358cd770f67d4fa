package systolic

import "math"

// TPUApp is an application as Table 1 of Jouppi et al., ISCA 2017, lists it.
type TPUApp struct {
	Name             string
	FC, Conv, Vector int // layers
	Weights          float64
	Batch            int
	Points           int // of an image, for each convolution
	Passes           int // 2: 16-bit activations
}

// Job derives the layers from the table alone, since their shapes were never
// published: all are equal and square, their width is the square root of the
// weights of a layer, rounded up to whole tiles of the array (that MLP0, MLP1 and
// LSTM0 leave 0.3, 1.2 and 0.0 % of the peak to unused units says that they nearly
// fill their tiles). Where there are convolutions they are 3 x 3 and hold all
// weights. Vector layers stand evenly between the others. Inputs and outputs of a
// batch are one vector of that width each.
func (a *TPUApp) Job(t *TPU) TPUJob {
	taps, n := 1.0, a.FC
	if a.Conv > 0 {
		taps, n = 9, a.Conv
	}
	width := ceilDiv(int(math.Ceil(math.Sqrt(a.Weights/float64(n)/taps))), t.Cols) * t.Cols
	rows := a.Batch * max(1, a.Points)
	var j TPUJob
	for i := range n {
		j.Layers = append(j.Layers, TPULayer{Rows: rows, K: width * int(taps), N: width, Passes: a.Passes})
		for range a.Vector*(i+1)/n - a.Vector*i/n {
			j.Layers = append(j.Layers, TPULayer{Rows: rows})
		}
	}
	bytes := float64(rows * width * max(1, a.Passes))
	j.InBytes, j.OutByte = bytes, bytes
	return j
}
