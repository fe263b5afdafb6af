package rabbitmq

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ordeal/drivers"
)

// An operator policy counts for the queues that the broker holds it against, and no others. The API is imitated, because brokers before 3.12
// take no policy for one type of queues.
func TestOperatorPolicies(t *testing.T) {
	const policies = `[
		{"name": "for-all", "pattern": "^all", "apply-to": "all", "priority": 0, "definition": {"max-length": 1}},
		{"name": "for-queues", "pattern": "^queues", "apply-to": "queues", "priority": 0, "definition": {"max-length": 2}},
		{"name": "for-exchanges", "pattern": "", "apply-to": "exchanges", "priority": 9, "definition": {"max-length": 3}},
		{"name": "for-classic", "pattern": "^types", "apply-to": "classic_queues", "priority": 3, "definition": {"max-length": 4}},
		{"name": "for-quorum", "pattern": "^types", "apply-to": "quorum_queues", "priority": 2, "definition": {"max-length": 5}},
		{"name": "for-streams", "pattern": "^types", "apply-to": "streams", "priority": 1, "definition": {"max-length": 6}}]`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := "[]"
		if strings.HasPrefix(r.URL.Path, "/api/operator-policies/") {
			said = policies
		}
		w.Write([]byte(said)) //nolint:errcheck // who asks finds out
	}))
	defer api.Close()
	m := newManagement(&session{
		set: settings{management: []string{api.Listener.Addr().String()}}, env: drivers.Env{Dial: (&net.Dialer{}).DialContext},
	})
	defer m.close()
	queues := []queueInfo{
		{Name: "all", Type: typeQuorum},
		{Name: "queues", Type: typeStream},
		{Name: "others", Type: typeClassic},
		{Name: "types.0", Type: typeClassic},
		{Name: "types.1", Type: typeQuorum},
		{Name: "types.2", Type: typeStream},
	}
	if err := m.police(context.Background(), "/", queues); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"for-all (max-length 1)", "for-queues (max-length 2)", "", "for-classic (max-length 4)", "for-quorum (max-length 5)",
		"for-streams (max-length 6)",
	} {
		if got := queues[i].Operator; got != want {
			t.Errorf("%s, %s: %q, want %q", queues[i].Name, queues[i].Type, got, want)
		}
	}
}
