# Warnings and sanitizers, as one INTERFACE target that every own target links PRIVATE.
add_library(finewatt_build_flags INTERFACE)
target_compile_options(finewatt_build_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wdouble-promotion -Wformat=2 -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(finewatt_build_flags INTERFACE
        -Wduplicated-cond -Wlogical-op -Wsuggest-override)
endif()
if(FINEWATT_WERROR)
    target_compile_options(finewatt_build_flags INTERFACE -Werror)
endif()
if(FINEWATT_SANITIZE)
    # Applied to everything, so that no part of the tree links without the runtime.
    add_compile_options(-fsanitize=${FINEWATT_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${FINEWATT_SANITIZE})
    if(FINEWATT_SANITIZE MATCHES "undefined")
        # AddressSanitizer finds the accesses that the checks for null and for the size of an object
        # find. With the check for alignment, which x86-64 does not need, they take a third of the
        # compile time.
        add_compile_options(-fno-sanitize-recover=undefined
            -fno-sanitize=null,alignment,object-size)
    endif()
endif()

find_program(FINEWATT_CCACHE ccache)
if(FINEWATT_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${FINEWATT_CCACHE}")
endif()
