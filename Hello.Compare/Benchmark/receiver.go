// Receives telemetry over http/protobuf and counts it: https://opentelemetry.io/docs/specs/otlp/#otlphttp. It shares a core
// with the load generator, so it does little work. The Aspire dashboard would slow the load generator down.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
)

func main() {
	var spans, metrics, records atomic.Int64
	receive := func(path string, counter *atomic.Int64) {
		http.HandleFunc(path, func(response http.ResponseWriter, request *http.Request) {
			body, err := io.ReadAll(request.Body)
			if err != nil {
				http.Error(response, err.Error(), http.StatusBadRequest)
				return
			}

			// The field numbers of ResourceSpans, ScopeSpans and Span. Metrics and logs have the same ones:
			// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
			counter.Add(count(body, 1, 2, 2))
			response.Header().Set("Content-Type", "application/x-protobuf")
		})
	}
	receive("/v1/traces", &spans)
	receive("/v1/metrics", &metrics)
	receive("/v1/logs", &records)
	http.HandleFunc("/received", func(response http.ResponseWriter, request *http.Request) {
		json.NewEncoder(response).Encode(map[string]int64{"spans": spans.Load(), "metrics": metrics.Load(), "logRecords": records.Load()})
	})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}

	fmt.Println(listener.Addr())
	panic(http.Serve(listener, nil))
}

// Counts the messages on a path of field numbers: fields[1] is a field of the message in fields[0], and so on.
func count(message []byte, fields ...protowire.Number) (found int64) {
	for len(message) > 0 {
		field, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			break
		}

		message = message[length:]
		if length = protowire.ConsumeFieldValue(field, kind, message); length < 0 {
			break
		}

		if field == fields[0] && kind == protowire.BytesType {
			if len(fields) == 1 {
				found++
			} else {
				inner, _ := protowire.ConsumeBytes(message)
				found += count(inner, fields[1:]...)
			}
		}

		message = message[length:]
	}

	return found
}
