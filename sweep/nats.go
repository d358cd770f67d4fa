package sweep

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"gpusim"
)

// protocol is the version of what goes over the queue. Both sides refuse another.
const protocol = 1

// Names on the server. A worker takes jobs of its own models only: they have a
// subject of their own.
const (
	streamJobs    = "GPUSIM_JOBS"
	subjectJobs   = "gpusim.jobs"
	bucketSweeps  = "gpusim_sweeps"  // what workers need to know of a sweep, by its hash
	bucketResults = "gpusim_results" // outcomes by key, each written once
	keyProtocol   = "protocol"
)

// Login says how to reach a server.
type Login struct {
	URL      string
	Token    string
	CA       string // PEM file of the authority that signed the server's certificate
	Cert     string // PEM files of the client's own certificate
	Key      string
	AckWait  time.Duration // after which a job without a sign of life goes to another worker
	Replicas int           // of streams, on a cluster; 0: one
}

// defaultAckWait is long against hiccups and short against a night.
const defaultAckWait = 30 * time.Second

// client is a connection to the server, in place of which there may be another one
// after a failure.
type client struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	login   Login
	memory  bool // streams live as long as the server: of one in this process
	subject string
	durable string
}

// connect makes a connection that comes back by itself for as long as it is open.
func connect(l Login, in *server.Server) (*client, error) {
	if l.AckWait <= 0 {
		l.AckWait = defaultAckWait
	}
	o := []nats.Option{nats.Name("gpusim"), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond)}
	if l.Token != "" {
		o = append(o, nats.Token(l.Token))
	}
	if l.CA != "" {
		o = append(o, nats.RootCAs(l.CA))
	}
	if l.Cert != "" || l.Key != "" {
		o = append(o, nats.ClientCert(l.Cert, l.Key))
	}
	if in != nil {
		o = append(o, nats.InProcessServer(in))
	}
	nc, err := nats.Connect(l.URL, o...)
	if err != nil {
		return nil, fmt.Errorf("NATS server %s: %w", hidden(l.URL), err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	model := gpusim.ModelHash()[:16]
	return &client{nc: nc, js: js, login: l, memory: in != nil, subject: subjectJobs + "." + model, durable: "workers_" + model}, nil
}

// hidden is a URL without a password or token.
func hidden(url string) string {
	if i := strings.LastIndexByte(url, '@'); i >= 0 {
		scheme, _, ok := strings.Cut(url, "://")
		if ok {
			return scheme + "://" + url[i+1:]
		}
	}
	return url
}

// ready makes sure that streams and buckets are there and speak our protocol.
func (c *client) ready(ctx context.Context) (results, sweeps jetstream.KeyValue, err error) {
	storage := jetstream.FileStorage
	if c.memory {
		storage = jetstream.MemoryStorage
	}
	replicas := max(1, c.login.Replicas)
	if sweeps, err = c.bucket(ctx, jetstream.KeyValueConfig{Bucket: bucketSweeps, Storage: storage, Replicas: replicas}); err != nil {
		return nil, nil, err
	}
	mine := []byte(strconv.Itoa(protocol))
	if _, err := sweeps.Create(ctx, keyProtocol, mine); err != nil {
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return nil, nil, err
		}
		e, err := sweeps.Get(ctx, keyProtocol)
		if err != nil {
			return nil, nil, err
		}
		if string(e.Value()) != string(mine) {
			return nil, nil, &ProtocolError{fmt.Sprintf("the server %s holds sweeps of protocol %s, this gpusim speaks %d: use the same version everywhere, or another server", hidden(c.login.URL), e.Value(), protocol)}
		}
	}
	if results, err = c.bucket(ctx, jetstream.KeyValueConfig{Bucket: bucketResults, Storage: storage, Replicas: replicas}); err != nil {
		return nil, nil, err
	}
	// Who comes first makes the stream: a server in a coordinator keeps it in memory, and a
	// worker elsewhere that does not know takes it as it is.
	if _, err = c.js.Stream(ctx, streamJobs); errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: streamJobs, Subjects: []string{subjectJobs + ".>"},
			Retention: jetstream.WorkQueuePolicy, Storage: storage, Replicas: replicas})
	}
	return results, sweeps, err
}

func (c *client) bucket(ctx context.Context, k jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	kv, err := c.js.KeyValue(ctx, k.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return c.js.CreateOrUpdateKeyValue(ctx, k)
	}
	return kv, err
}

// consumer is the queue of jobs as workers see it.
func (c *client) consumer(ctx context.Context) (jetstream.Consumer, error) {
	return c.js.CreateOrUpdateConsumer(ctx, streamJobs, jetstream.ConsumerConfig{Durable: c.durable, FilterSubject: c.subject,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.login.AckWait, MaxAckPending: 100_000, MaxDeliver: -1})
}

// ProtocolError is the other side's version.
type ProtocolError struct{ Reason string }

func (e *ProtocolError) Error() string { return e.Reason }

// insist repeats what failed until it works, its error is final, or ctx ends. It is how
// a server that goes away and comes back is sat out.
func insist(ctx context.Context, do func() error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := do()
		var p *ProtocolError
		if err == nil || errors.As(err, &p) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// message is a job on its way.
type message struct {
	Protocol int    `json:"protocol"`
	Sweep    string `json:"sweep"`
	Point    int    `json:"point"`
	Fidelity string `json:"fidelity"`
	Key      string `json:"key"`
}

// answer is an outcome on its way.
type answer struct {
	Protocol int      `json:"protocol"`
	Model    string   `json:"model"`
	Worker   string   `json:"worker"`
	Outcome  *Outcome `json:"outcome"`
}

// bundle is what workers need to know of a sweep.
type bundle struct {
	Protocol int               `json:"protocol"`
	Model    string            `json:"model"`
	Source   string            `json:"source"`
	Spec     string            `json:"spec"`
	Files    map[string][]byte `json:"files"` // machine files that are not embedded
}

// Server is a NATS server in this process.
type Server struct {
	s   *server.Server
	dir string
}

// loopback says whether nobody but this machine can reach an address.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Serve starts a server on host:port; port 0 means any free one. Beyond loopback it wants a
// token.
func Serve(listen, token string) (*Server, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: want host:port", listen)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65535 {
		return nil, fmt.Errorf("--listen %s: %q is no port", listen, port)
	}
	if n == 0 {
		n = server.RANDOM_PORT
	}
	if !loopback(host) && token == "" {
		return nil, fmt.Errorf("--listen %s: others can reach this address, so a token is needed (--token, or the environment variable GPUSIM_NATS_TOKEN)", listen)
	}
	dir, err := os.MkdirTemp("", "gpusim-queue")
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{ServerName: "gpusim", Host: host, Port: n, Authorization: token, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("--listen %s: the queue's server does not start (is the port taken?)", listen)
	}
	return &Server{s, dir}, nil
}

// URL is where workers find the server.
func (s *Server) URL() string { return s.s.ClientURL() }

// Close ends the server.
func (s *Server) Close() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
	_ = os.RemoveAll(s.dir)
}
