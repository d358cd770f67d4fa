package workloads

import (
	"fmt"
	"strconv"
	"strings"

	"gpusim/workloads/models"
)

// networkKind reads what stands behind "model:".
func networkKind() kind {
	return kind{name: KindNetwork, parse: parseNetwork, forms: networkForms()}
}

func networkForms() []Form {
	return []Form{
		{"model:resnet50,batch=128,dtype=fp16", "network: " + strings.Join(models.Names(), ", ")},
		{"  phase=infer", "infer, or train: forward, both backward passes, update (default infer)"},
		{"  fused=false", "layer by layer rather than as an inference compiler fuses it (default true for infer); norms: only batch norms take ReLU and sums along, as in XLA (and in training, nhwc, where true means this)"},
		{"  layout=nhwc", "of images: nchw, nhwc, nchw_vect_c (default nhwc for fp16 and bf16, nchw for fp32 and tf32, nchw_vect_c for integers)"},
		{"model:resnet50,batch=128,dtype=fp16,phase=train,optimizer=momentum", "a training step; optimizer: sgd, momentum, adam, none (default momentum with convolutions, else adam)"},
		{"model:bert-base,batch=8,dtype=fp16,seq=384", "seq: tokens of a sample, of transformers"},
		{"model:gpt2-large,batch=4,seq=1024,head=false", "without the projection onto words, which BERT has in training alone"},
		{"model:lstm,batch=32,hidden=1024,steps=25", "recurrent layers; input=FEATURES with a projection"},
		{"model:resnet50,batch=192,dtype=fp16,phase=train,gpus=8", "on a system: replicas of batch 192 each; bucket: bytes of gradients summed at a time (default 25 MiB), grads: their type"},
		{"model:gpt2-large,batch=8,dtype=fp16,phase=train,gpus=16,tensor=4,pipeline=2,micro=4", "tensor: GPUs that share each layer, pipeline: stages, micro: microbatches, schedule: 1f1b, gpipe; data=GPUS/tensor/pipeline replicas"},
	}

}

func parseNetwork(rest string) (Workload, error) {
	name, keys, more := strings.Cut(rest, ",")
	n := Network{Model: strings.TrimSpace(name)}
	seen := map[string]bool{}
	if more {
		if err := pairs(keys, netKeys, nil, seen, n.set); err != nil {
			return Workload{}, err
		}
	}
	if !seen["fused"] {
		n.Fused = n.Phase != PhaseTrain
	}
	return OfNetwork(n)
}

// Set assigns what keys say, as they stand behind a network's name: "batch=8,fused=false".
func (n *Network) Set(keys string) error {
	if keys == "" {
		return nil
	}
	return pairs(keys, netKeys, nil, map[string]bool{}, n.set)
}

// set assigns one key.
func (n *Network) set(key, value string) (err error) {
	sizes := map[string]*int{"batch": &n.Batch, "seq": &n.Seq, "hidden": &n.Hidden, "steps": &n.Steps, "input": &n.Input}
	if to, ok := sizes[key]; ok {
		*to, err = dim(key, value)
		return err
	}
	if ok, err := n.Parallel.set(key, value); ok {
		return err
	}
	flag := func(to *bool) error {
		switch strings.ToLower(value) {
		case "true", "false":
			*to = strings.EqualFold(value, "true")
			return nil
		}
		return fmt.Errorf("%s=%s (allowed: true, false)", key, value)
	}
	switch key {
	case "dtype":
		n.DType, err = DType(value)
	case "phase":
		n.Phase = strings.ToLower(value)
	case "fused":
		if n.Norms = strings.EqualFold(value, "norms"); n.Norms {
			n.Fused = false
			return nil
		}
		if err := flag(&n.Fused); err != nil {
			return fmt.Errorf("%s=%s (allowed: true, false, norms)", key, value)
		}
	case "skip_unknown":
		return flag(&n.SkipUnknown)
	case "head":
		var head bool
		err = flag(&head)
		n.Headless = !head
	case "layout":
		n.Layout = strings.ToLower(value)
	case "optimizer":
		n.Optimizer = strings.ToLower(value)
	}
	return err
}

// String gives the canonical long form.
func (n *Network) String() string {
	s := fmt.Sprintf("model:%s,batch=%d,dtype=%s,phase=%s,fused=%s", n.Model, n.Batch, n.DType, n.Phase, n.fusion())
	return s + n.options() + n.Parallel.text(false, activationType(n.DType))
}

// options are the keys that not every network has.
func (n *Network) options() (s string) {
	if n.Layout != "" {
		s += ",layout=" + n.Layout
	}
	for _, k := range []struct {
		key string
		v   int
	}{{"seq", n.Seq}, {"hidden", n.Hidden}, {"steps", n.Steps}, {"input", n.Input}} {
		if k.v != 0 {
			s += "," + k.key + "=" + strconv.Itoa(k.v)
		}
	}
	if n.Headless {
		s += ",head=false"
	}
	if n.Optimizer != "" {
		s += ",optimizer=" + n.Optimizer
	}
	if n.SkipUnknown {
		s += ",skip_unknown=true"
	}
	return s
}

// Short leaves out what is a default.
func (n *Network) Short() string {
	s := fmt.Sprintf("model:%s,batch=%d,dtype=%s", n.Model, n.Batch, n.DType)
	if n.Phase != PhaseInfer {
		s += ",phase=" + n.Phase
	}
	if n.Fused != (n.Phase == PhaseInfer) {
		s += ",fused=" + n.fusion()
	}
	return s + n.options() + n.Parallel.text(true, activationType(n.DType))
}

// fusion is the value of its key.
func (n *Network) fusion() string {
	if n.Norms {
		return "norms"
	}
	return strconv.FormatBool(n.Fused)
}
