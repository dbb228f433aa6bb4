# finewatt, the program that measures, must not load LibTorch: it would disturb what it measures. libpq
# is opened by those who keep their runs in PostgreSQL only.
set(program "${BIN_DIR}/finewatt")
execute_process(COMMAND ldd "${program}" OUTPUT_VARIABLE libraries ERROR_VARIABLE error
    RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "ldd ${program}: status ${status}\n${error}")
endif()
if(NOT libraries MATCHES "libc\\.so")
    message(FATAL_ERROR "ldd ${program}: expected a list with libc.so, found:\n${libraries}")
endif()
if(libraries MATCHES "libtorch|libc10|libgomp|libpq")
    message(FATAL_ERROR "${program} loads LibTorch, OpenMP or libpq:\n${libraries}")
endif()
