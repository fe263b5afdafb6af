package engine

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/internal/cluster"
)

// What the broker calls its nodes outranks the names of a target file: there n1 may be the broker's n3.
func TestNodesAreFoundByWhatTheBrokerCallsThem(t *testing.T) {
	c := cluster.NewCommanded(cluster.CommandedSpec{
		Name: "prod.yaml", Nodes: []cluster.RemoteNode{
			{Address: "a:1", Called: "n3"},
			{Address: "b:2", Called: "n1"},
			{Address: "c:3"},
			{Address: "d:4", Called: "redis-4:6379"},
			{Address: "e:5", Called: "host-5"},
			{Address: "f:6", Called: "rabbit@host-6"},
			{Address: "g:7", Called: "mq"},
			{Address: "h:8", Called: "mq"},
			{Address: "i:9", Called: "n12@host"},
			{Address: "j:10", Called: "n11@host"},
		},
	})
	for name, want := range map[string]string{
		"n3": "n1", "n1": "n2", "c:3": "n3", "n2": "", "a:1": "n1", "": "", "n4": "n4", "redis-4:6379": "n4",
		"rabbit@host-5": "n5", "rabbit@host-6": "n6", "rabbit@host-9": "", "mq@host-7": "n7 n8", "mq": "n7 n8", "n11": "n10", "n12": "n9", "n9": "", "n10": "",
	} {
		var names []string
		for _, n := range named(c.Nodes(), name) {
			names = append(names, n.Name())
		}
		got := strings.Join(names, " ")
		if got != want {
			t.Errorf("the broker's %q is %q, expected %q", name, got, want)
		}
	}
}

// caller is a driver that connects, says something and waits for an answer.
type caller struct{ drivers.Driver }

func (caller) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	conn, err := env.Dial(ctx, "tcp", cfg.Servers[0])
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return nil, err
	}
	return nil, errors.New("this is another protocol")
}

// A new client's connection tells a node that says anything from one that says nothing and from nobody.
func TestKnock(t *testing.T) {
	listen := func(serve func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err == nil {
				serve(conn)
				conn.Close()
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
		return l.Addr().String()
	}
	hold := make(chan struct{})
	silent := listen(func(net.Conn) { <-hold })
	defer close(hold)
	nobody := listen(func(net.Conn) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	l.Close()
	x := &execution{Options: Options{Driver: caller{}}, plan: &plan{}}
	for _, test := range []struct {
		name, address string
		limit         time.Duration
		want          cluster.Answer
	}{
		{"answers", listen(func(c net.Conn) { c.Write([]byte("?")) }), 20 * time.Second, cluster.Answers},
		{"silent", silent, 200 * time.Millisecond, cluster.Silent},
		{"hangs up", nobody, 20 * time.Second, cluster.Refused},
		{"nobody", gone, 20 * time.Second, cluster.Refused},
	} {
		got, err := x.knock(within(t, test.limit), test.address)
		if got != test.want || (err == nil) != (got == cluster.Answers) {
			t.Errorf("%s: %d, %v; expected %d", test.name, got, err, test.want)
		}
	}
}
