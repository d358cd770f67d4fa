// Package nvdla models NVIDIA's deep-learning accelerator in two fidelities: the
// performance sheet that its designers published, and an event-driven pipeline
// of its convolution core and single-point processor over a memory interface.
package nvdla
