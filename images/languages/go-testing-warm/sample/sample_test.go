package sample

import (
	"reflect"
	"testing"
)

func TestAnswer(t *testing.T) {
	got, err := answer("one", "two")
	if !reflect.DeepEqual(got, 18) || err != nil {
		t.Errorf("expected 18 but was %d, %v", got, err)
	}
}
