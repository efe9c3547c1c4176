# fish completion for lbctl; written by `make completions`
