go test
