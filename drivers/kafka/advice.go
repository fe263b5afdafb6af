package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// advised adds to a broker's refusal what a person can do about it. Errors that need no advice come back as they are.
func advised(err error) error {
	for _, a := range []struct {
		is     error
		advice string
	}{
		{kerr.TopicAuthorizationFailed, "give the user the rights Describe, DescribeConfigs, Create, Delete, Read and Write on the topic"},
		{kerr.GroupAuthorizationFailed, "give the user the rights Describe, Read and Delete on the group"},
		{kerr.ClusterAuthorizationFailed, "give the user the right Create, or IdempotentWrite, on the cluster"},
		{kerr.TransactionalIDAuthorizationFailed, "give the user the rights Describe and Write on the transactional id"},
	} {
		if errors.Is(err, a.is) {
			return fmt.Errorf("%w: %s", err, a.advice)
		}
	}
	return err
}
