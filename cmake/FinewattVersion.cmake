# The version printed by --version and stored with every run: git describe where there is a git
# tree, else the project's version.
find_package(Git QUIET)
set(FINEWATT_VERSION "${PROJECT_VERSION}")
if(Git_FOUND AND EXISTS "${CMAKE_SOURCE_DIR}/.git")
    execute_process(
        COMMAND "${GIT_EXECUTABLE}" describe --always --dirty --tags
        WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
        OUTPUT_VARIABLE finewatt_git_describe OUTPUT_STRIP_TRAILING_WHITESPACE
        ERROR_QUIET RESULT_VARIABLE finewatt_git_result)
    if(finewatt_git_result EQUAL 0 AND finewatt_git_describe)
        set(FINEWATT_VERSION "${PROJECT_VERSION}+${finewatt_git_describe}")
    endif()
endif()
