PATH=$HOME/.tools/bin:$PATH
