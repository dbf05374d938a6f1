PATH=$HOME/.tools/bin:$PATH bash test_hiker.sh
