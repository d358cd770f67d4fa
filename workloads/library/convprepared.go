package library

import (
	"slices"

	"gpusim/workloads/conv"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// Prepared is Build for a caller who knows the shape beforehand and has filled the tables
// of offsets, as an inference compiler: what TensorRT 7 keeps in the device's memory for a
// layer in int8 is more than filters and biases (sizes of "DevicePersistent" in its logs,
// such as in its issue 1179). Nothing of the kind is known of its fp16 layers of 2018.
func (c *ConvCall) Prepared(l tile.Latencies) ([]*tile.Kernel, error) {
	ks, err := c.Build(l)
	if err != nil {
		return nil, err
	}
	ks = slices.DeleteFunc(ks, conv.FillsTable)
	for _, k := range ks {
		for i := range k.Tensors {
			if t := &k.Tensors[i]; t.Name == gemm.TableName {
				t.Parameter = true
			}
		}
	}
	return ks, nil
}
