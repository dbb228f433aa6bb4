# Passes when PROGRAM fails and its sanitizer's report contains MESSAGE.
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM}: expected a failure, but it ended with status 0.\n${out}${err}")
endif()
string(FIND "${err}" "${MESSAGE}" position)
if(position EQUAL -1)
    message(FATAL_ERROR "${PROGRAM}: expected the report '${MESSAGE}', status ${status}:\n${out}${err}")
endif()
