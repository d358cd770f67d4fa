package graph

// alike lowers a layer whose gradient is one kernel of the same description; pass
// is the key that tells them apart.
func (l *lowering) alike(n *Node, what, pass string) {
	out := n.Out
	switch n.Op {
	case BatchNorm:
		b, c, h, w := images(out)
		behind := ""
		if n.Attr.Epilogue != "" {
			behind = ",epilogue=" + n.Attr.Epilogue
		}
		l.step(n, what, "batchnorm:n=%d,c=%d,h=%d,w=%d,phase=%s,dtype=%s%s%s%s", b, c, h, w, l.phase(), l.plain, pass, l.order(), behind)
	case LRN:
		b, c, h, w := images(out)
		l.step(n, what, "lrn:n=%d,c=%d,h=%d,w=%d,size=%d,dtype=%s%s", b, c, h, w, n.Attr.Size, l.plain, pass)
	case LayerNorm, Softmax:
		kind := map[Op]string{LayerNorm: "layernorm", Softmax: "softmax"}[n.Op]
		r, c := rows(out)
		l.step(n, what, kind+":rows=%d,cols=%d,dtype=%s%s", r, c, l.plain, pass)
	case Embedding:
		r, c := rows(out)
		l.step(n, what, "embedding:rows=%d,cols=%d,vocab=%d,dtype=%s%s", r, c, n.Params[0].Shape[0], l.plain, pass)
	}
}
